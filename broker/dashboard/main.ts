#!/usr/bin/env node
// The page's server as a process of its own: node broker/dashboard/main.ts page.json

import { pageCommand } from "./commands.ts";

await pageCommand().parseAsync();

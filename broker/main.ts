#!/usr/bin/env node
// The broker as a process of its own: node broker/main.ts --help

import { brokerCommand } from "./commands.ts";

await brokerCommand().parseAsync();

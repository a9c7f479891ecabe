// The JSON Schemas that editors use, made from what actually reads the files: they cannot differ.

import { z } from "zod";
import { agentFile } from "./agentFile.ts";
import { communityFile } from "./communityFile.ts";

export type JsonSchema = { readonly [key: string]: unknown };

/** Schemas of config/agent.schema.json and config/community.schema.json. */
export function jsonSchemas(): { readonly agent: JsonSchema; readonly community: JsonSchema } {
  return { agent: jsonSchema(agentFile), community: jsonSchema(communityFile) };
}

function jsonSchema(schema: z.ZodType): JsonSchema {
  return z.toJSONSchema(schema, {
    io: "input",
    // Defaults are given in ledger units (bigint, milliseconds) and would mislead whoever edits a file.
    override: ({ jsonSchema }) => {
      delete jsonSchema.default;
    },
    unrepresentable: "any",
  });
}

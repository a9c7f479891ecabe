// What an audit finds wrong in a block: which part, where in it, and why, for people.

export type BlockFault = {
  readonly code: "blockFault";
  readonly part: "header" | "certificate" | "transaction";
  /** The transaction's place in the block; null for the other parts, or for all transactions together. */
  readonly position: number | null;
  /** The byte of the part at which it is wrong or begins to be; null where that cannot be told. */
  readonly offset: number | null;
  /** A clause: "its hash is not the block's id" */
  readonly problem: string;
};

export type FaultParts = {
  readonly problem: string;
  readonly offset?: number | null;
  readonly position?: number;
};

export function blockFault(part: BlockFault["part"], parts: FaultParts): BlockFault {
  const { problem, offset = null, position = null } = parts;
  return { code: "blockFault", part, position, offset, problem };
}

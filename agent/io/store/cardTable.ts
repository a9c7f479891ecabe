// Ids are long and repeat in every row, so each card has a small number inside this file.

import type Database from "better-sqlite3";
import { assert } from "../../core/assert.ts";
import type { MemberId } from "../../core/units/ids.ts";

export type CardTable = {
  /** The card's number; a new one the first time a card is seen. */
  readonly number: (id: MemberId) => bigint;
};

export function cardTable(db: Database.Database): CardTable {
  const select = db
    .prepare<[string], bigint>("SELECT card_no FROM card WHERE member_id = ?")
    .pluck();
  const insert = db.prepare("INSERT INTO card (member_id) VALUES (?) ON CONFLICT DO NOTHING");
  return {
    number: (id) => {
      const known = select.get(id);
      if (known !== undefined) return known;
      insert.run(id);
      const added = select.get(id);
      assert(added !== undefined, "a card that was just written is there");
      return added;
    },
  };
}

// What the page's server recorded of a home, before what was heard live.

import { addSample, deviceNamed } from "./fromTopic.ts";
import { type JsonObject, listIn, textIn } from "./json.ts";
import { listingNamed } from "./listings.ts";
import { homeNamed, type Neighbourhood } from "./model.ts";

/** See recorder.ts for its form. */
export function applyRecorded(state: Neighbourhood, name: string, recorded: JsonObject): void {
  const home = homeNamed(state, name);
  for (const entry of listIn(recorded, "devices") ?? []) {
    const device = deviceNamed(home, textIn(entry, "device") ?? "");
    const samples = entry["samples"];
    if (device === null || !Array.isArray(samples)) continue;
    const live = device.samples;
    // What is later than its last word was said while its clock was wrong.
    const newest = live.at(-1)?.at ?? Number.POSITIVE_INFINITY;
    device.samples = [];
    for (const sample of samples) {
      const [at, w] = Array.isArray(sample) ? (sample as unknown[]) : [];
      if (typeof at !== "number" || typeof w !== "number" || at > newest) continue;
      addSample(device, { at, w });
    }
    for (const sample of live) addSample(device, sample);
  }
  const hours = recorded["hours"];
  for (const hour of Array.isArray(hours) ? hours : []) {
    const [listingid, sold, bought, imported, exported] = Array.isArray(hour)
      ? (hour as unknown[])
      : [];
    // What was heard live is newer.
    if (typeof listingid !== "string" || home.hours.has(listingid)) continue;
    listingNamed(state, listingid);
    home.hours.set(listingid, {
      ...{ at: "", listingid, sold_kwh: Number(sold), bought_kwh: Number(bought) },
      metered_import_kwh: typeof imported === "number" ? imported : null,
      metered_export_kwh: typeof exported === "number" ? exported : null,
    });
  }
}

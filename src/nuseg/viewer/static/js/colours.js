// Colour scales that colour-blind people can read, and the colour of every nucleus.
const SCALES = {
  viridis: ["#440154", "#472d7b", "#3b528b", "#2c728e", "#21918c", "#28ae80", "#5ec962", "#addc30", "#fde725"],
  cividis: ["#00224e", "#123570", "#3b496c", "#575d6d", "#707173", "#8a8678", "#a59c74", "#c3b369", "#fee838"],
};
const DENSITY_CELLS = 128, DENSITY_UM = 40; // along the longer side of an image, at most; side of a cell, at least
// Okabe and Ito (2008)
export const KINDS = { matched: "#009e73", missed: "#d55e00", false: "#f0e442", split: "#56b4e9", merged: "#cc79a7" };
export const KIND_MEANS = {
  matched: "in both", missed: "in the reference alone", false: "not in the reference", split: "one drawn as several", merged: "several drawn as one",
};
export const PLAIN = "#00d6a0", DRAWN = "#3d8bff", ACCEPTED = "#009e73", REJECTED = "#d55e00", UNKNOWN = "#c9c5d1";

const parsed = new Map();
/** [red, green, blue] of "#rrggbb". */
export function rgb(hex) {
  if (!parsed.has(hex)) parsed.set(hex, [1, 3, 5].map((at) => parseInt(hex.slice(at, at + 2), 16)));
  return parsed.get(hex);
}

/** 256 colours of a scale, each [red, green, blue]. */
export function table(name) {
  const anchors = SCALES[name].map(rgb), steps = anchors.length - 1;
  const mixed = (at, low) => anchors[low].map((part, k) => Math.round(part + (at - low) * (anchors[low + 1][k] - part)));
  return Array.from({ length: 256 }, (_, i) => (i / 255) * steps).map((at) => mixed(at, Math.min(steps - 1, Math.floor(at))));
}

/** RGBA of every nucleus of a layer, then of every drawn one; alpha 0 hides. `pick(key)` gives [red, green, blue] or null. */
export function paintAll(nuclei, pick) {
  const rgba = new Uint8Array(4 * (nuclei.count + nuclei.extra.length));
  const put = (slot, colour) => { if (colour) { rgba.set(colour, 4 * slot); rgba[4 * slot + 3] = 255; } };
  for (let i = 0; i < nuclei.count; i++) if (!nuclei.deleted[i]) put(i, pick(i));
  nuclei.extra.forEach(({ key }, i) => put(nuclei.count + i, pick(key)));
  return rgba;
}

/** Nuclei per cell of a grid over the image, of those shown, as a picture; with the highest density, per mm2 if that is known. */
export function densityMap({ item, x, y, count, rgba }, colours) {
  const bin = Math.max(item.width / DENSITY_CELLS, item.height / DENSITY_CELLS, DENSITY_UM / (item.mpp ?? 0.25));
  const [across, down] = [item.width, item.height].map((side) => Math.ceil(side / bin));
  const counts = new Uint32Array(across * down), picture = new Uint8Array(4 * across * down);
  const cell = (value, most) => Math.min(most - 1, Math.floor(value / bin));
  for (let i = 0; i < count; i++) if (rgba[4 * i + 3]) counts[cell(y[i], down) * across + cell(x[i], across)]++;
  const sorted = counts.filter((value) => value > 0).sort(), top = sorted[Math.floor(sorted.length * 0.995)] ?? 1;
  counts.forEach((value, i) => {
    const level = Math.min(255, Math.round((255 * value) / top));
    picture.set([...colours[level], value > 0 ? Math.min(200, 70 + level) : 0], 4 * i);
  });
  return { picture, across, down, width: across * bin, height: down * bin, top: item.mpp ? top / ((bin * item.mpp) / 1000) ** 2 : top };
}

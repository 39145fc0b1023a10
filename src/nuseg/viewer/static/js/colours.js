// Colour scales that colour-blind people can read, and the colour of every nucleus.

const SCALES = {
  viridis: ["#440154", "#472d7b", "#3b528b", "#2c728e", "#21918c", "#28ae80", "#5ec962", "#addc30", "#fde725"],
  cividis: ["#00224e", "#123570", "#3b496c", "#575d6d", "#707173", "#8a8678", "#a59c74", "#c3b369", "#fee838"],
};
// Okabe and Ito (2008)
export const KINDS = { matched: "#009e73", missed: "#d55e00", false: "#f0e442", split: "#56b4e9", merged: "#cc79a7" };
export const KIND_MEANS = {
  matched: "in both", missed: "in the reference alone", false: "not in the reference",
  split: "one drawn as several", merged: "several drawn as one",
};
export const PLAIN = "#00d6a0", DRAWN = "#3d8bff", ACCEPTED = "#009e73", REJECTED = "#d55e00", UNKNOWN = "#c9c5d1";

export const rgb = (hex) => [1, 3, 5].map((at) => parseInt(hex.slice(at, at + 2), 16));

/** 256 colours of a scale, 3 bytes each. */
export function table(name) {
  const anchors = (SCALES[name] ?? SCALES.viridis).map(rgb), found = new Uint8Array(768);
  for (let i = 0; i < 256; i++) {
    const at = (i / 255) * (anchors.length - 1), low = Math.min(anchors.length - 2, Math.floor(at));
    for (let k = 0; k < 3; k++) found[3 * i + k] = Math.round(anchors[low][k] + (at - low) * (anchors[low + 1][k] - anchors[low][k]));
  }
  return found;
}

/** RGBA of every nucleus of a layer, then of every drawn one; alpha 0 hides. `pick(key, slot)` gives a hex or null. */
export function paintAll(nuclei, pick) {
  const rgba = new Uint8Array(4 * (nuclei.count + nuclei.extra.length)), parsed = new Map();
  const put = (slot, hex) => {
    if (!hex) return;
    if (!parsed.has(hex)) parsed.set(hex, rgb(hex));
    rgba.set(parsed.get(hex), 4 * slot);
    rgba[4 * slot + 3] = 255;
  };
  for (let i = 0; i < nuclei.count; i++) if (!nuclei.deleted[i]) put(i, pick(i, i));
  nuclei.extra.forEach((extra, i) => put(nuclei.count + i, pick(extra.key, nuclei.count + i)));
  return rgba;
}

/** Nuclei per cell of a grid over the image, of those shown, as a picture of a scale; with the highest density. */
export function densityMap(nuclei, rgba, scale) {
  const { width, height, mpp } = nuclei.item, bin = Math.max(width, height) / 192;
  const across = Math.ceil(width / bin), down = Math.ceil(height / bin), counts = new Float32Array(across * down);
  for (let i = 0; i < nuclei.count; i++)
    if (rgba[4 * i + 3]) counts[Math.min(down - 1, Math.floor(nuclei.y[i] / bin)) * across + Math.min(across - 1, Math.floor(nuclei.x[i] / bin))]++;
  const smooth = blur(counts, across, down);
  const sorted = smooth.filter((value) => value > 0).sort(), top = sorted[Math.floor(sorted.length * 0.995)] || 1;
  const picture = new Uint8Array(4 * across * down), colours = table(scale);
  smooth.forEach((value, i) => {
    const level = Math.min(255, Math.round((255 * value) / top));
    picture.set(colours.subarray(3 * level, 3 * level + 3), 4 * i);
    picture[4 * i + 3] = value > 0 ? Math.min(200, 70 + level) : 0;
  });
  return { picture, across, down, width: across * bin, height: down * bin, top: mpp ? top / (bin * mpp / 1000) ** 2 : top, known: Boolean(mpp) };
}

/** Mean over 3 x 3 cells. */
function blur(counts, across, down) {
  return counts.map((_, i) => {
    const x = i % across, y = Math.floor(i / across);
    let sum = 0, cells = 0;
    for (let v = Math.max(0, y - 1); v <= Math.min(down - 1, y + 1); v++)
      for (let u = Math.max(0, x - 1); u <= Math.min(across - 1, x + 1); u++, cells++) sum += counts[v * across + u];
    return sum / cells;
  });
}

// Histogram of a measure, with a brush that filters; two number fields do the same by keyboard.
import { $, number, svg } from "./dom.js";
const WIDTH = 260, HEIGHT = 72, BINS = 52;

/** Quantiles of the finite values; of a sample where there are very many. */
export function quantiles(values, shares) {
  const step = Math.max(1, Math.floor(values.length / 50000)), sample = values.filter((value, i) => i % step === 0 && Number.isFinite(value)).sort();
  return shares.map((share) => sample[Math.round(share * (sample.length - 1))] ?? 0);
}

export class Histogram {
  constructor(onfilter) {
    this.onfilter = onfilter;
    const chart = $("histogram"), range = (event) => [this.first, this.at(event)].sort((a, b) => a - b);
    chart.addEventListener("pointerdown", (event) => { chart.setPointerCapture(event.pointerId); this.first = this.at(event); });
    chart.addEventListener("pointermove", (event) => { if (event.buttons && this.first !== null) this.mark(range(event)); });
    chart.addEventListener("pointerup", (event) => {
      const [low, high] = range(event), wide = high - low > (this.high - this.low) / BINS / 2; // a click takes the filter away
      this.choose(wide ? [low <= this.low ? -Infinity : low, high >= this.high ? Infinity : high] : null);
    });
    const typed = (id, none) => ($(id).value === "" ? none : Number($(id).value));
    for (const id of ["from", "to"]) $(id).addEventListener("change", () => {
      const [low, high] = [typed("from", -Infinity), typed("to", Infinity)];
      this.choose(low === -Infinity && high === Infinity ? null : [low, high]);
    });
  }

  at(event) {
    const { left, width } = $("histogram").getBoundingClientRect();
    return this.low + Math.min(1, Math.max(0, (event.clientX - left) / width)) * (this.high - this.low);
  }

  choose(range) { this.mark(range); this.onfilter(range); }
  show(values, gone, { label, unit }, range) {
    [this.low, this.high] = quantiles(values, [0.002, 0.998]);
    if (this.high <= this.low) this.high = this.low + 1;
    const { low, high } = this, counts = new Array(BINS).fill(0), step = WIDTH / BINS;
    const bin = (value) => Math.min(BINS - 1, Math.floor(((value - low) / (high - low)) * BINS));
    values.forEach((value, i) => { if (!gone[i] && value >= low && value <= high) counts[bin(value)]++; });
    const top = Math.max(1, ...counts), tall = (count) => (count / top) * (HEIGHT - 4);
    const text = (x, anchor, told) => svg("text", { x, y: HEIGHT + 13, "text-anchor": anchor }, told);
    const bars = counts.map((count, i) => svg("rect", { class: "bar", x: i * step, width: step - 0.6, y: HEIGHT - tall(count), height: tall(count) }));
    this.brush = svg("rect", { class: "brush", y: 0, height: HEIGHT });
    $("histogram").replaceChildren(...bars, this.brush, text(2, "start", number(low)), text(WIDTH / 2, "middle", unit), text(WIDTH - 2, "end", number(high)));
    $("histogram").setAttribute("aria-label", `Histogram of ${label}, from ${number(low)} to ${number(high)} ${unit}`);
    this.mark(range);
  }

  mark(range) {
    const clip = (value) => Math.min(WIDTH, Math.max(0, ((value - this.low) / (this.high - this.low)) * WIDTH)), [left, right] = (range ?? [0, 0]).map(clip);
    this.brush.setAttribute("visibility", range ? "visible" : "hidden");
    this.brush.setAttribute("x", left);
    this.brush.setAttribute("width", Math.max(1, right - left));
    for (const [id, value] of [["from", range?.[0]], ["to", range?.[1]]]) $(id).value = Number.isFinite(value) ? Number(value.toPrecision(4)) : "";
  }
}

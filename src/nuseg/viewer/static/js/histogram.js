// Histogram of a measure, with a brush that filters; two number fields do the same by keyboard.

import { $, number, svg } from "./dom.js";

const WIDTH = 260, HEIGHT = 72, BINS = 52;

/** Quantiles of the finite values; of a sample where there are very many. */
export function quantiles(values, shares) {
  const step = Math.max(1, Math.floor(values.length / 50000)), sample = [];
  for (let i = 0; i < values.length; i += step) if (Number.isFinite(values[i])) sample.push(values[i]);
  sample.sort((a, b) => a - b);
  return shares.map((share) => sample[Math.min(sample.length - 1, Math.round(share * (sample.length - 1)))] ?? 0);
}

export class Histogram {
  constructor(onfilter) {
    this.onfilter = onfilter;
    const chart = $("histogram");
    chart.addEventListener("pointerdown", (event) => { chart.setPointerCapture(event.pointerId); this.first = this.at(event); });
    chart.addEventListener("pointermove", (event) => { if (this.first !== undefined) this.mark(this.order(this.at(event))); });
    chart.addEventListener("pointerup", (event) => {
      const range = this.order(this.at(event));
      this.first = undefined;
      this.choose(range[1] - range[0] > (this.high - this.low) / BINS / 2 ? range : null);
    });
    for (const id of ["from", "to"]) $(id).addEventListener("change", () => {
      const from = $("from").value, to = $("to").value;
      this.choose(from === "" && to === "" ? null : [from === "" ? -Infinity : Number(from), to === "" ? Infinity : Number(to)]);
    });
  }

  at(event) {
    const { left, width } = $("histogram").getBoundingClientRect();
    return this.low + Math.min(1, Math.max(0, (event.clientX - left) / width)) * (this.high - this.low);
  }

  /** The range from where the brush was set down; at the chart's ends it is open. */
  order(value) {
    return [Math.min(this.first ?? value, value), Math.max(this.first ?? value, value)];
  }

  choose(range) {
    this.mark(range);
    const open = range && [range[0] <= this.low ? -Infinity : range[0], range[1] >= this.high ? Infinity : range[1]];
    this.onfilter(open);
  }

  show(values, gone, spec, range) {
    [this.low, this.high] = quantiles(values, [0.002, 0.998]);
    if (this.high <= this.low) this.high = this.low + 1;
    const counts = new Float64Array(BINS);
    for (let i = 0; i < values.length; i++)
      if (!gone[i] && values[i] >= this.low && values[i] <= this.high)
        counts[Math.min(BINS - 1, Math.floor(((values[i] - this.low) / (this.high - this.low)) * BINS))]++;
    const top = counts.reduce((a, b) => Math.max(a, b), 1), step = WIDTH / BINS;
    const bars = [...counts].map((count, i) => svg("rect", { class: "bar", x: i * step, width: step - 0.6, y: HEIGHT - (count / top) * (HEIGHT - 4), height: (count / top) * (HEIGHT - 4) }));
    this.brush = svg("rect", { class: "brush", y: 0, height: HEIGHT, visibility: "hidden" });
    const label = (x, anchor, text) => svg("text", { x, y: HEIGHT + 13, "text-anchor": anchor }, text);
    $("histogram").replaceChildren(...bars, this.brush, label(2, "start", number(this.low)), label(WIDTH / 2, "middle", spec.unit || ""), label(WIDTH - 2, "end", number(this.high)));
    $("histogram").setAttribute("aria-label", `Histogram of ${spec.label}, from ${number(this.low)} to ${number(this.high)} ${spec.unit || ""}`);
    this.mark(range);
  }

  mark(range) {
    const clip = (value) => Math.min(WIDTH, Math.max(0, ((value - this.low) / (this.high - this.low)) * WIDTH));
    this.brush.setAttribute("visibility", range ? "visible" : "hidden");
    if (range) {
      this.brush.setAttribute("x", clip(range[0]));
      this.brush.setAttribute("width", Math.max(1, clip(range[1]) - clip(range[0])));
    }
    for (const [id, value] of [["from", range?.[0]], ["to", range?.[1]]]) $(id).value = Number.isFinite(value) ? Number(value.toPrecision(4)) : "";
  }
}

// Training on the corrections: start, curves, the new model against the old, and its use.

import { get, post } from "./api.js";
import { $, h, number, say, svg } from "./dom.js";

export class Learn {
  constructor(app) {
    this.app = app;
    const on = (id, path, body) => $(id).addEventListener("click", () => this.ask(() => post(path, body?.())));
    on("train", "training", () => ({ epochs: Number($("epochs").value), steps: Number($("steps").value) }));
    on("train-stop", "training/stop");
    on("train-use", "training/use");
  }

  open() {
    $("learn").hidden = !this.app.canTrain;
    if (this.app.canTrain) this.ask(() => get("training"));
  }

  async ask(question) {
    clearTimeout(this.timer);
    try {
      const answer = await question();
      this.show(answer.state && answer.curves ? answer : await get("training"));
    } catch (error) { say(error.message); }
  }

  note() {
    const finished = this.app.items.reduce((sum, item) => sum + (item.finished_regions || 0), 0), needed = this.needed ?? 1;
    $("train").disabled = finished < needed || this.running;
    $("learn-note").textContent = `Trains a copy of the model on your finished regions: ${number(finished)} so far, ${number(needed)} at least. Some are held back, and on these the new model is compared with the old one before you use it.`;
  }

  show(told) {
    const words = { none: "", running: told.step === "training" ? `Training: epoch ${told.epoch ?? 0} of ${told.epochs ?? "?"}` : `Running: ${told.step ?? ""}`, done: "Training is done.", failed: "Training failed; the log says why.", stopped: "Training was stopped." };
    this.needed = told.needed;
    this.running = told.state === "running";
    $("train-state").textContent = words[told.state] || told.state;
    $("train-progress").hidden = !this.running;
    $("train-progress").value = told.epochs ? (told.epoch ?? 0) / told.epochs : 0;
    $("train-stop").hidden = !this.running;
    $("train-use").hidden = !(told.state === "done" && told.model);
    $("train-use").disabled = Boolean(told.used);
    $("train-use").textContent = told.used ? "The new model is in use" : "Use the new model";
    $("train-more").hidden = !told.command;
    $("command").textContent = told.command ?? "";
    $("log").textContent = (told.log ?? []).join("\n");
    $("curves").replaceChildren(...Object.entries(told.curves ?? {}).filter(([, values]) => values?.length).map(([name, values]) => curve(name, values)));
    this.compared(told.compared);
    this.note();
    if (this.running) this.timer = setTimeout(() => this.ask(() => get("training")), 1500);
  }

  compared(compared) {
    $("verdict").textContent = compared?.verdict ?? "";
    if (!compared) return $("compared").replaceChildren();
    const names = Object.keys(compared.new).filter((name) => typeof compared.new[name] === "number");
    return $("compared").replaceChildren(
      h("tr", { class: "head" }, h("th", {}, `On ${number(compared.regions)} held-out regions`), h("td", {}, "old"), h("td", {}, "new")),
      ...names.map((name) => h("tr", {}, h("th", { scope: "row" }, name), h("td", {}, number(compared.old[name])), h("td", {}, number(compared.new[name])))));
  }
}

/** A line chart of one value per epoch. */
function curve(name, values) {
  const known = values.filter(Number.isFinite), low = Math.min(0, ...known), high = Math.max(...known, low + 1e-9);
  const at = (value, i) => `${values.length > 1 ? (i / (values.length - 1)) * 250 + 5 : 130},${58 - ((value - low) / (high - low)) * 42}`;
  const line = values.map((value, i) => (Number.isFinite(value) ? `${i ? "L" : "M"}${at(value, i)}` : "")).join("").replace(/^L/, "M");
  const told = `${name}: ${number(values[values.length - 1])} after ${number(values.length)} epochs`;
  return svg("svg", { viewBox: "0 0 260 62", role: "img", "aria-label": told }, svg("text", { x: 4, y: 11 }, told), svg("path", { d: line }));
}

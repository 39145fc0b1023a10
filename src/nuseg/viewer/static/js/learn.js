// Training on the corrections: start, curves, the new model against the old, and its use.
import { get, post } from "./api.js";
import { $, clicks, number, put, rows, svg } from "./dom.js";
const WORDS = { none: "", done: "Training is done.", failed: "Training failed; the log says why.", stopped: "Training was stopped." };

export class Learn {
  constructor(app) {
    this.app = app;
    const settings = () => Object.fromEntries(["epochs", "steps"].map((id) => [id, Number($(id).value)]));
    const to = (path, body = () => ({})) => () => this.look(post(path, body()));
    clicks({ train: to("training", settings), "train-stop": to("training/stop"), "train-use": to("training/use") });
  }

  open() { $("learn").hidden = !this.app.canTrain; if (this.app.canTrain) this.look(); }
  /** Show how far the training is, after what was asked of it; and again while it runs. */
  async look(asked = null) {
    clearTimeout(this.timer);
    await asked;
    const told = await get("training");
    this.show(told);
    if (told.state === "running") this.timer = setTimeout(() => this.look(), 1500);
  }

  note() {
    const finished = this.app.items.reduce((sum, item) => sum + item.finished_regions, 0), { needed = 1, state } = this.told ?? {};
    $("train").disabled = finished < needed || state === "running";
    $("learn-note").textContent = `Trains a copy of the model on your finished regions: ${number(finished)} so far, ${number(needed)} at least. `
      + "Some are held back, and on these the new model is compared with the old one before you use it.";
  }

  show(told) {
    const running = told.state === "running", { compared, curves, epoch, epochs, step, used } = this.told = told;
    const now = step === "training" ? `Training: epoch ${epoch} of ${epochs}` : `Running: ${step ?? ""}`;
    put({
      "train-state": { textContent: running ? now : WORDS[told.state] }, "train-stop": { hidden: !running },
      "train-progress": { hidden: !running, value: epochs ? epoch / epochs : 0 },
      "train-use": { hidden: told.state !== "done" || !told.model, disabled: used, textContent: used ? "The new model is in use" : "Use the new model" },
      "train-more": { hidden: !told.command }, command: { textContent: told.command ?? "" }, log: { textContent: told.log.join("\n") },
      verdict: { textContent: compared?.verdict ?? "" },
    });
    const known = Object.entries(curves).map(([name, values]) => [name, values.filter(Number.isFinite)]).filter(([, values]) => values.length);
    $("curves").replaceChildren(...known.map((one) => curve(...one)));
    const names = Object.keys(compared?.new ?? {}).filter((name) => typeof compared.new[name] === "number");
    rows($("compared"), compared ? [[`Held-out regions: ${number(compared.regions)}`, "old", "new"],
      ...names.map((name) => [name, number(compared.old[name]), number(compared.new[name])])] : []);
    this.note();
  }
}

/** A line chart of one value per epoch. */
function curve(name, values) {
  const low = Math.min(0, ...values), high = Math.max(...values, low + 1e-9), apart = 250 / Math.max(1, values.length - 1);
  const points = values.map((value, i) => [5 + i * apart, 58 - ((value - low) / (high - low)) * 42]);
  const told = `${name}: ${number(values.at(-1))} after ${number(values.length)} epochs`;
  const line = values.length > 1 ? svg("path", { d: `M${points.join("L")}` }) : svg("circle", { cx: 5, cy: points[0][1], r: 3 });
  return svg("svg", { viewBox: "0 0 260 62", role: "img", "aria-label": told }, svg("text", { x: 4, y: 11 }, told), line);
}

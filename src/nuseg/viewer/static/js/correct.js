// Correcting: every change goes to the server at once, on top of the state that this page knows.

import { get, itemPath, post } from "./api.js";
import { $, h, number, options, say } from "./dom.js";
import { bounds } from "./geometry.js";

const SEES = 3000; // ms between looks for changes of other windows
const NEEDS = { redraw: 1, delete: 1, split: 1, merge: 2, accept: 1, reject: 1, class: 1 };

export class Correct {
  constructor(app) {
    this.app = app;
    for (const button of $("correct").querySelectorAll("[data-act]")) button.addEventListener("click", () => this.act(button.dataset.act));
    $("class").addEventListener("change", () => this.setClass($("class").value || null));
    setInterval(() => this.look().catch((error) => say(error.message)), SEES);
  }

  get editable() { return !this.app.readOnly && Boolean(this.app.layer?.editable) && !this.app.comparison; }

  async open() {
    this.state = null;
    const { layer, nuclei, item, readOnly } = this.app;
    const column = nuclei.spec("class"), classes = column?.kind === "class" ? column.classes.map(({ name }) => name) : [];
    options($("class"), [["", "none"], ...classes.map((name) => [name, name])], "");
    this.classes = classes;
    $("class-row").hidden = !classes.length;
    $("geojson").href = `api/${itemPath(item, "/corrections.geojson")}`;
    $("correct-note").textContent = readOnly ? "This viewer only shows: it was started as read-only." : "This layer cannot be corrected. Choose the results under Show.";
    if (layer?.editable) await this.look();
    this.buttons();
  }

  /** Read the state if it has changed since. */
  async look() {
    const { item, layer } = this.app;
    if (!layer?.editable || this.busy || document.hidden) return;
    const since = this.state ? `?since=${encodeURIComponent(this.state.version)}` : "";
    const state = await get(itemPath(item, `/corrections${since}`));
    if (item !== this.app.item || this.busy || state.version === this.state?.version) return;
    if (this.state) say("Corrections were changed in another window; this one shows them now.", true);
    await this.take(state);
  }

  async take(state) {
    this.state = state;
    $("correct").dataset.version = state.version;
    const { app } = this, here = (key) => (typeof key === "number" ? app.nuclei.deleted[key] !== 1 : app.nuclei.extra.some((one) => one.key === key));
    app.nuclei.apply(state);
    app.select(app.selection.filter(here));
    await app.look.recolour();
    this.buttons();
    app.regions.countAgain();
    const finished = state.finished ?? [], counts = Object.entries(state.counts ?? {}).filter(([, count]) => count);
    $("correct-counts").textContent = counts.map(([name, count]) => `${number(count)} ${name}`).join(", ");
    $("finished").replaceChildren(...finished.map((region, i) => h("li", {},
      h("button", { type: "button", onclick: () => app.showBox(bounds(region.polygon)) }, region.name || `Finished region ${i + 1}`),
      h("button", { type: "button", "aria-label": `Not finished after all: region ${i + 1}`, disabled: !this.editable,
        onclick: () => this.send({ action: "unfinish", region: region.id }) }, "Reopen"))));
    app.item.finished_regions = finished.length;
    app.learn.note();
  }

  buttons() {
    $("correct-tools").hidden = !this.editable;
    $("correct-note").hidden = this.editable;
    $("geojson").parentElement.hidden = !this.app.layer?.editable;
    for (const button of $("correct").querySelectorAll("[data-act]")) {
      const { act } = button.dataset;
      button.disabled = this.app.selection.length < (NEEDS[act] ?? 0) || (act in { undo: 0, redo: 0 } && !this.state?.[act]);
      button.setAttribute("aria-pressed", act === this.doing && Boolean(this.app.tools.active));
    }
    $("class").disabled = !this.app.selection.length;
  }

  /** Send one action; true if it was written. */
  async send(action) {
    if (!this.editable || this.busy) return false;
    this.busy = true;
    try {
      await this.take(await post(itemPath(this.app.item, "/corrections"), { base: this.state.version, ...action }));
      return true;
    } catch (error) {
      if (error.status !== 409) say(error.message);
      else {
        await this.take(await get(itemPath(this.app.item, "/corrections")));
        say("Changed in another window: this shows it as it is now. Look again, then repeat your change.");
      }
      return false;
    } finally { this.busy = false; }
  }

  async act(act) {
    const { app } = this, nuclei = [...app.selection], nucleus = nuclei[nuclei.length - 1];
    if (!app.nuclei) return null;
    if (!this.editable) return say($("correct-note").textContent);
    if (nuclei.length < (NEEDS[act] ?? 0)) return say(act === "merge" ? "Select two nuclei or more: click one, shift-click the others." : "Select a nucleus first.");
    this.doing = act;
    const newest = () => { const { added } = this.state; if (added.length) app.select([added[added.length - 1].id]); };
    if (act === "draw") app.tools.start("polygon", "New nucleus.", async (polygon) => (await this.send({ action: act, polygon })) && newest());
    else if (act === "redraw") app.tools.start("polygon", "New outline.", (polygon) => this.send({ action: act, nucleus, polygon }));
    else if (act === "split") app.tools.start("line", "Split by a line.", (line) => this.send({ action: act, nucleus, line }));
    else if (act === "doubtful") await this.doubtful(nucleus);
    else if (act === "undo" || act === "redo") await this.send({ action: act });
    else if (await this.send({ action: act, nuclei })) {
      if (act !== "merge" && this.reviewed === nucleus && nuclei.length === 1) await this.doubtful(nucleus); // on to the next
    }
    return this.buttons();
  }

  setClass(name) { return this.app.selection.length && this.send({ action: "class", nuclei: [...this.app.selection], class: name }); }

  async doubtful(after) {
    const { app } = this;
    try {
      const found = await get(itemPath(app.item, `/corrections/doubtful${after === undefined ? "" : `?after=${encodeURIComponent(after)}`}`));
      if (found.nucleus === null || found.nucleus === undefined) return say("No doubtful nucleus is left to judge.", true);
      this.reviewed = found.nucleus;
      app.stage.lookAt(found.x, found.y, Math.max(app.stage.view.zoom, 1.5 * (app.item.mpp ? app.item.mpp / 0.25 : 1)));
      app.select([found.nucleus]);
    } catch (error) { say(error.message); }
    return null;
  }

  sketch(view) {
    for (const region of this.state?.finished ?? []) this.app.stage.trace(view, region.polygon, { colour: "#00694f", width: 3 });
  }
}

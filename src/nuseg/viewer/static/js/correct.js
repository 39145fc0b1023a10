// Correcting: every change goes to the server at once, on top of the state that this page knows.
import { get, itemPath, post } from "./api.js";
import { $, h, number, options, put, say } from "./dom.js";
import { bounds } from "./geometry.js";
const EVERY = 3000; // ms between looks for changes of other windows
const NEEDS = { redraw: 1, delete: 1, split: 1, merge: 2, accept: 1, reject: 1 }; // selected nuclei
const DOUBT_ZOOM = 1.5; // CSS px per 0.25 um

export class Correct {
  constructor(app) {
    this.app = app; this.actions = [...$("correct").querySelectorAll("[data-act]")];
    for (const button of this.actions) button.addEventListener("click", () => this.act(button.dataset.act));
    $("class").addEventListener("change", () => this.setClass($("class").value || null));
    setInterval(() => this.look(), EVERY);
  }

  get editable() { return !this.app.readOnly && Boolean(this.app.layer?.editable) && !this.app.comparison; }

  async open() {
    const { nuclei, item, readOnly } = this.app;
    this.state = null;
    this.classes = nuclei.spec("class")?.classes.map(({ name }) => name) ?? [];
    options($("class"), [["", "none"], ...this.classes.map((name) => [name, name])], "");
    const path = itemPath(item, "/corrections.geojson"), shut = "This layer cannot be corrected. Choose the results under Show.";
    const note = readOnly ? "This viewer only shows: it was started as read-only." : shut;
    put({ "class-row": { hidden: !this.classes.length }, geojson: { href: `api/${path}` }, "correct-note": { textContent: note } });
    await this.look();
    this.buttons();
  }

  /** Read the state if it has changed since. */
  async look() {
    const { item, layer, nuclei } = this.app;
    if (!nuclei || !layer?.editable || this.busy || document.hidden) return;
    const state = await get(itemPath(item, `/corrections${this.state ? `?since=${this.state.version}` : ""}`));
    if (nuclei !== this.app.nuclei || this.busy || state.version === this.state?.version) return;
    if (this.state) say("Corrections were changed in another window; this one shows them now.", true);
    await this.take(state);
  }

  async take(state) {
    const { app } = this, here = (key) => (typeof key === "number" ? app.nuclei.deleted[key] !== 1 : app.nuclei.extra.some((one) => one.key === key));
    this.state = state;
    app.nuclei.apply(state); app.select(app.selection.filter(here));
    await app.look.recolour();
    app.regions.tell();
    $("correct").dataset.version = state.version;
    $("correct-counts").textContent = Object.entries(state.counts).filter(([, count]) => count).map(([name, count]) => `${number(count)} ${name}`).join(", ");
    $("finished").replaceChildren(...state.finished.map(({ id, name, polygon }) => h("li", {},
      h("button", { type: "button", onclick: () => app.showBox(bounds(polygon)) }, name),
      h("button", { type: "button", "aria-label": `Reopen ${name}`, onclick: () => this.send({ action: "unfinish", region: id }) }, "Reopen"))));
    app.item.finished_regions = state.finished.length; app.learn.note();
  }

  buttons() {
    put({ "correct-tools": { hidden: !this.editable }, "correct-note": { hidden: this.editable }, class: { disabled: !this.app.selection.length } });
    $("geojson").parentElement.hidden = !this.app.layer?.editable;
    for (const button of this.actions) {
      const { act } = button.dataset;
      button.disabled = this.app.selection.length < (NEEDS[act] ?? 0) || (["undo", "redo"].includes(act) && !this.state?.[act]);
      button.setAttribute("aria-pressed", act === this.doing && this.app.tools.active);
    }
  }

  /** Send one action; true if it was written. */
  async send(action) {
    const { item, layer, nuclei } = this.app, path = itemPath(item, "/corrections");
    if (!nuclei || !layer.editable || !this.editable || !this.state || this.busy) return false;
    this.busy = true;
    try {
      await this.take(await post(path, { base: this.state.version, ...action }));
      return true;
    } catch (error) {
      if (error.status !== 409) throw error;
      await this.take(await get(path));
      say("Changed in another window: this shows it as it is now. Look again, then repeat your change.");
      return false;
    } finally { this.busy = false; }
  }

  async act(act) {
    const { app } = this, nuclei = [...app.selection], nucleus = nuclei.at(-1), few = nuclei.length < (NEEDS[act] ?? 0);
    if (!this.editable) { say(app.nuclei ? $("correct-note").textContent : ""); return; }
    if (few) { say(act === "merge" ? "Select two nuclei or more: click one, shift-click the others." : "Select a nucleus first."); return; }
    this.doing = act;
    const drawn = async (polygon) => { if (await this.send({ action: act, polygon })) app.select([this.state.added.at(-1).id]); };
    if (act === "draw") app.tools.start("polygon", "New nucleus.", drawn);
    else if (act === "redraw") app.tools.start("polygon", "New outline.", (polygon) => this.send({ action: act, nucleus, polygon }));
    else if (act === "split") app.tools.start("line", "Split by a line.", (line) => this.send({ action: act, nucleus, line }));
    else if (act === "doubtful") await this.doubtful(nucleus);
    else if (act === "undo" || act === "redo") await this.send({ action: act });
    else if ((await this.send({ action: act, nuclei })) && act !== "merge" && this.reviewed === nucleus) await this.doubtful(nucleus); // on to the next
    this.buttons();
  }

  setClass(name) { return this.app.selection.length && this.send({ action: "class", nuclei: [...this.app.selection], class: name }); }

  async doubtful(after) {
    const { app } = this, { item, stage } = app, found = await get(itemPath(item, `/corrections/doubtful?after=${encodeURIComponent(after ?? "")}`));
    this.reviewed = found.nucleus;
    if (found.nucleus === null) { say("No doubtful nucleus is left to judge.", true); return; }
    stage.lookAt(found.x, found.y, Math.max(stage.view.zoom, DOUBT_ZOOM * ((item.mpp ?? 0.25) / 0.25)));
    app.select([found.nucleus]);
  }

  sketch(view) { for (const region of this.state?.finished ?? []) this.app.stage.trace(view, region.polygon, { colour: "#00694f", width: 3 }); }
}

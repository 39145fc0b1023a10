// Correcting: every change goes to the server at once, on top of the state that this page knows.
import { get, itemPath, post } from "./api.js";
import { $, h, number, options, put, say } from "./dom.js";
import { bounds } from "./geometry.js";
const EVERY = 3000; // ms between looks for changes of other windows
const NEEDS = { redraw: 1, delete: 1, split: 1, merge: 2, accept: 1, reject: 1 }; // selected nuclei
const DOUBT_ZOOM = 1.5, NEW = "\n"; // CSS px per 0.25 um; no class has such a name

export class Correct {
  constructor(app) {
    Object.assign(this, { app, actions: [...$("correct").querySelectorAll("[data-act]")], last: Promise.resolve() });
    for (const button of this.actions) button.addEventListener("click", () => this.act(button.dataset.act));
    $("class").addEventListener("change", () => this.setClass($("class").value || null));
    setInterval(() => this.look(), EVERY);
  }

  get editable() { return Boolean(this.app.layer?.writable) && !this.app.comparison; }
  /** Forget the state: it is of other nuclei than those shown from now on. */
  reset() {
    Object.assign(this, { state: null, classes: null });
    delete $("correct").dataset.version;
    $("correct-counts").textContent = ""; $("finished").replaceChildren();
  }

  async open() {
    const { item, layer, readOnly } = this.app, path = itemPath(item, "/corrections.geojson");
    const shut = layer.editable ? "Nothing can be written into the folder of these results." : "This layer cannot be corrected. Choose the results under Show.";
    $("correct-note").textContent = readOnly ? "This viewer only shows: it was started as read-only." : shut;
    $("geojson").href = `api/${path}`;
    await this.look(); this.buttons();
  }
  /** Read the state if it has changed since. */
  async look() {
    const { item, layer, nuclei } = this.app, { state: known } = this;
    if (!nuclei || !layer?.editable || this.busy || document.hidden) return;
    const state = await get(itemPath(item, `/corrections${known ? `?since=${known.version}` : ""}`));
    if (nuclei !== this.app.nuclei || known !== this.state || this.busy || state.version === known?.version) return; // or the answer is too old
    if (known) say("Corrections were changed in another window; this one shows them now.", true);
    await this.take(state);
  }

  async take(state) {
    const { app } = this, names = state.classes.map(({ name }) => name);
    this.state = state;
    app.nuclei.apply(state);
    if (String(names) !== String(this.classes)) {
      this.classes = names;
      options($("class"), [["", "none"], ...names.map((name) => [name, name]), [NEW, "new class …"]], "");
      app.look.choices();
    }
    app.select(app.selection.filter((key) => app.nuclei.has(key)));
    await app.look.recolour();
    app.regions.tell();
    $("correct").dataset.version = state.version;
    $("correct-counts").textContent = Object.entries(state.counts).filter(([, count]) => count).map(([name, count]) => `${number(count)} ${name}`).join(", ");
    const button = (text, onclick, told = null) => h("button", { type: "button", "aria-label": told, onclick }, text);
    const reopen = (region, name) => button("Reopen", () => this.send({ action: "unfinish", region }), `Reopen ${name}`);
    $("finished").replaceChildren(...state.finished.map(({ id, name, polygon }) => h("li", {},
      button(name, () => app.showBox(bounds(polygon))), app.layer.writable ? reopen(id, name) : null)));
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
  /** Send one action, when those before it are through; true if it was written and its image is still shown. */
  send(action) {
    const { item, nuclei } = this.app, sent = this.last.then(() => this.write(action, item, nuclei));
    this.last = sent.catch(() => {});
    return sent;
  }

  async write(action, item, nuclei) {
    const path = itemPath(item, "/corrections"), shown = () => nuclei === this.app.nuclei;
    if (!nuclei || !shown() || !this.editable || !this.state) return false;
    this.busy = true;
    try {
      const state = await post(path, { base: this.state.version, ...action });
      if (shown()) await this.take(state);
      return shown();
    } catch (error) {
      if (error.status !== 409) throw error;
      const state = await get(path);
      if (shown()) await this.take(state);
      say("Changed in another window: this shows it as it is now. Look again, then repeat your change.");
      return false;
    } finally { this.busy = false; }
  }

  /** What is asked for next waits for this: it may be about another nucleus then. */
  step(begun) { this.going = begun.catch(() => {}).then(() => { this.going = null; }); return begun; }
  async act(act) {
    while (this.going) await this.going;
    const { app } = this, nuclei = [...app.selection], nucleus = nuclei.at(-1), few = nuclei.length < (NEEDS[act] ?? 0);
    if (!this.editable) { say(app.nuclei ? $("correct-note").textContent : ""); return; }
    if (few) { say(act === "merge" ? "Select two nuclei or more: click one, shift-click the others." : "Select a nucleus first."); return; }
    this.doing = act;
    const drawn = async (polygon) => { if (await this.send({ action: act, polygon })) app.select([this.state.added.at(-1).id]); };
    if (act === "draw") app.tools.start("polygon", "New nucleus.", drawn);
    else if (act === "redraw") app.tools.start("polygon", "New outline.", (polygon) => this.send({ action: act, nucleus, polygon }));
    else if (act === "split") app.tools.start("line", "Split by a line.", (line) => this.send({ action: act, nucleus, line }));
    else if (act === "doubtful") await this.step(this.doubtful(nucleus));
    else if (act === "undo" || act === "redo") await this.send({ action: act });
    else {
      const on = (written) => written && act !== "merge" && this.reviewed === nucleus && this.doubtful(nucleus); // to the next one
      await this.step(this.send({ action: act, nuclei }).then(on));
    }
    this.buttons();
  }

  async setClass(name) {
    while (this.going) await this.going;
    const { app } = this, given = name === NEW ? window.prompt("Name of the new class")?.trim() : name;
    if (app.selection.length && given !== undefined && given !== "") await this.send({ action: "class", nuclei: [...app.selection], class: given });
    else app.select(app.selection); // shows the class that it has
  }

  async doubtful(after) {
    const { app } = this, { item, stage } = app, found = await get(itemPath(item, `/corrections/doubtful?after=${encodeURIComponent(after ?? "")}`));
    if (item !== app.item) return;
    this.reviewed = found.nucleus;
    if (found.nucleus === null) { say("No doubtful nucleus is left to judge.", true); return; }
    stage.lookAt(found.x, found.y, Math.max(stage.view.zoom, DOUBT_ZOOM * ((item.mpp ?? 0.25) / 0.25)));
    app.select([found.nucleus]);
  }

  sketch(view) { for (const region of this.state?.finished ?? []) this.app.stage.trace(view, region.polygon, { colour: "#00694f", width: 3 }); }
}

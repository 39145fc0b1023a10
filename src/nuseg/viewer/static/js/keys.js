// The keyboard: one table that both works and is shown as help.
import { $, h } from "./dom.js";
export function keyboard(app) {
  const { stage, correct, regions, list, look } = app;
  const slide = (id, value) => { $(id).value = value; $(id).dispatchEvent(new Event("input")); };
  const pan = (x, y) => (event) => stage.pan(event.shiftKey ? 4 * x : x, event.shiftKey ? 4 * y : y);
  const hide = () => { const now = Number($("opacity").value); app.opacity = now || app.opacity; slide("opacity", now ? 0 : app.opacity); };
  const table = [
    ["ArrowLeft", "← → ↑ ↓", "move; with Shift further", pan(-0.06, 0)], ["ArrowRight", "", "", pan(0.06, 0)],
    ["ArrowUp", "", "", pan(0, -0.06)], ["ArrowDown", "", "", pan(0, 0.06)],
    ["+", "+ −", "zoom in, out", () => stage.zoomBy(1.4)], ["=", "", "", () => stage.zoomBy(1.4)], ["-", "", "", () => stage.zoomBy(0.7)],
    ["0", "0", "whole image", () => stage.home()],
    ["End", "End", "full resolution", () => stage.lookAt(stage.view.x, stage.view.y, 1)],
    [" ", "Space", "select the nucleus in the middle", (event) => app.pick({ ...stage.view, more: event.shiftKey })],
    ["Escape", "Esc", "select nothing, put the tool away", () => { app.tools.cancel(); app.select([]); }],
    ["[", "[ ]", "previous, next image", () => list.step(-1)], ["]", "", "", () => list.step(1)],
    ["o", "O", "outlines on, off", hide],
    ["f", "F", "fill on, off", () => slide("fill", Number($("fill").value) ? 0 : 0.45)],
    ["n", "N", "next doubtful nucleus", () => correct.act("doubtful")],
    ["a", "A", "accept", () => correct.act("accept")], ["j", "J", "reject", () => correct.act("reject")],
    ["x", "X", "delete", () => correct.act("delete")], ["Delete", "", "", () => correct.act("delete")],
    ["d", "D", "draw a nucleus", () => correct.act("draw")], ["r", "R", "redraw its outline", () => correct.act("redraw")],
    ["s", "S", "split by a line", () => correct.act("split")], ["m", "M", "merge those selected", () => correct.act("merge")],
    ["u", "U", "undo (also Ctrl Z)", () => correct.act("undo")], ["y", "Y", "redo (also Ctrl Y)", () => correct.act("redo")],
    ["1", "1 … 9", "set the class", null],
    ["t", "T", "region: rectangle", () => regions.draw("rectangle")], ["p", "P", "region: polygon", () => regions.draw("polygon")],
    ["b", "B", "region: brush", () => regions.draw("brush")], ["v", "V", "region: what is in view", () => regions.draw("view")],
    ["k", "K", "mark the region as finished", () => regions.finish()],
    ["c", "C", "colour by the next measure", () => look.colourBy($("colour").options[($("colour").selectedIndex + 1) % $("colour").length].value)],
    ["g", "G", "segment what is in view", () => app.segment()],
    ["i", "I", "list of images on, off", () => app.toggleList()],
    ["l", "L", "copy a link to this view", () => app.copyLink()], ["e", "E", "save the view as PNG", () => app.savePicture()],
    ["?", "?", "this help", () => $("help").showModal()],
  ];
  $("keys").replaceChildren(...table.filter(([, shown]) => shown).map(([, shown, what]) => h("div", {}, h("kbd", {}, shown), h("span", {}, what))));
  const actions = new Map(table.map(([key, , , action]) => [key, action]));

  document.addEventListener("keydown", (event) => {
    if (event.altKey || event.target.closest("input:not([type=range]):not([type=checkbox]), select, dialog")) return; // writing
    if (event.ctrlKey || event.metaKey) {
      const act = { z: event.shiftKey ? "redo" : "undo", y: "redo" }[event.key.toLowerCase()];
      if (act) { event.preventDefault(); correct.act(act); }
      return;
    }
    const letter = event.key.length === 1 && event.key !== " ", key = letter ? event.key.toLowerCase() : event.key;
    const elsewhere = event.target !== document.body && !$("view").contains(event.target); // arrows, space, enter belong to what has the focus
    if (!app.item || (letter && !$("letters").checked) || (elsewhere && !letter && key !== "Escape")) return;
    if (event.repeat && /^[a-z1-9]$/.test(key)) return; // a key held down is pressed once
    const name = /^[1-9]$/.test(key) ? correct.classes?.[Number(key) - 1] : undefined, action = name ? () => correct.setClass(name) : actions.get(key);
    const used = app.tools.key(event.key);
    if (used || action) event.preventDefault();
    if (!used) action?.(event);
  });
}

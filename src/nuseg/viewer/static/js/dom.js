// Small helpers to build the page. Text from the server only ever becomes text nodes, never markup.

export const $ = (id) => document.getElementById(id);

/** An element with attributes, listeners (onclick: ...) and children: elements or texts. */
export function h(tag, attributes = {}, ...children) {
  return dress(document.createElement(tag), attributes, children);
}

/** The same for SVG. */
export function svg(tag, attributes = {}, ...children) {
  return dress(document.createElementNS("http://www.w3.org/2000/svg", tag), attributes, children);
}

function dress(element, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (name === "colour") element.style.backgroundColor = value;
    else if (value !== null && value !== undefined && value !== false) element.setAttribute(name, value);
  }
  element.append(...children.filter((child) => child !== null && child !== undefined));
  return element;
}

/** Rows of a table: [name, value], or one name alone for a heading. */
export function rows(table, pairs) {
  table.replaceChildren(...pairs.map(([name, value]) =>
    value === undefined
      ? h("tr", { class: "head" }, h("th", { colspan: 2 }, name))
      : h("tr", {}, h("th", { scope: "row" }, name), h("td", {}, value))));
}

/** Fill a select with [value, text] pairs and choose one of them. */
export function options(select, pairs, chosen) {
  select.replaceChildren(...pairs.map(([value, text]) => h("option", { value }, text)));
  if (pairs.some(([value]) => value === chosen)) select.value = chosen;
}

/** A number for people: three digits that count, thousands apart. */
export function number(value) {
  if (value === null || value === undefined || Number.isNaN(value)) return "–";
  if (typeof value !== "number") return String(value);
  if (Number.isInteger(value) || Math.abs(value) >= 1000) return Math.round(value).toLocaleString("en");
  return String(Number(value.toPrecision(3)));
}

let timer;
/** Say something over the picture; faults stay longer. */
export function say(text, good = false) {
  const message = $("message");
  message.textContent = text;
  message.className = good ? "good" : "";
  message.hidden = !text;
  clearTimeout(timer);
  timer = setTimeout(() => { message.hidden = true; }, good ? 3500 : 9000);
}

/** Give the browser a file to save. */
export function save(blob, name) {
  const link = h("a", { href: URL.createObjectURL(blob), download: name });
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10000);
}

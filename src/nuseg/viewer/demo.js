for (const compare of document.querySelectorAll(".compare")) {
  const slider = compare.querySelector("input");
  slider.addEventListener("input", () => compare.style.setProperty("--split", slider.value + "%"));
}
for (const choice of document.querySelectorAll(".choice")) {
  const layers = choice.closest("figure").querySelectorAll(".layer");
  const buttons = choice.querySelectorAll("button");
  buttons.forEach((button, chosen) => button.addEventListener("click", () => {
    buttons.forEach((other, i) => other.setAttribute("aria-pressed", i === chosen));
    layers.forEach((layer, i) => { layer.hidden = i !== chosen; });
  }));
}

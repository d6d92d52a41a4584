"use strict";
(() => {
  const { dark, config } = JSON.parse(document.getElementById("settings").textContent);
  const screenIsDark = matchMedia("screen and (prefers-color-scheme: dark)");
  const isNarrow = matchMedia("screen and (max-width: 44rem)");
  const isPrint = matchMedia("print");
  const hidden = new Set();
  const plots = [...document.querySelectorAll(".plot")];
  const switches = [...document.querySelectorAll(".switch")];
  const PRINT_WIDTH = 660;

  // The figures are drawn in the light theme; in the dark every colour of that theme is exchanged for its fellow.
  const recoloured = (node) => {
    if (typeof node === "string") return dark[node] ?? node;
    if (Array.isArray(node)) return node.map(recoloured);
    if (node && typeof node === "object") return Object.fromEntries(Object.entries(node).map(([key, part]) => [key, recoloured(part)]));
    return node;
  };

  const place = (layout, path, value) => {
    const keys = path.split(".");
    const last = keys.pop();
    keys.reduce((node, key) => (node[key] ??= {}), layout)[last] = value;
  };

  const draw = (plot) => {
    const source = JSON.parse(document.getElementById(plot.dataset.figure).textContent);
    const { data, layout } = screenIsDark.matches ? recoloured(source) : source;
    const arrangement = layout.meta?.[isNarrow.matches ? "narrow" : "wide"] ?? {};
    for (const [path, value] of Object.entries(arrangement)) place(layout, path, value);
    if (isNarrow.matches) layout.margin = { ...layout.margin, l: 48, r: 4 };
    if (isPrint.matches) Object.assign(layout, { autosize: false, width: PRINT_WIDTH, height: 0.8 * layout.height });
    for (const trace of data) if (hidden.has(trace.legendgroup)) trace.visible = "legendonly";
    layout.uirevision = "kept";
    plot.style.minHeight = `${layout.height}px`;
    return Plotly.react(plot, data, layout, config);
  };
  const drawAll = () => Promise.all(plots.map(draw));

  const toggle = (arm) => {
    if (!hidden.delete(arm)) hidden.add(arm);
    for (const button of switches) button.setAttribute("aria-pressed", String(!hidden.has(button.dataset.arm)));
    drawAll();
  };
  for (const button of switches) button.addEventListener("click", () => toggle(button.dataset.arm));

  // The first time figure by figure, so that the page scrolls and answers meanwhile; later all at once, as printing asks.
  const drawInTurn = async () => {
    for (const plot of plots) {
      await draw(plot);
      await new Promise((done) => setTimeout(done));
    }
  };

  drawInTurn().then(() => {
    for (const plot of plots) {
      plot.on("plotly_legendclick", (event) => {
        const arm = event.data[event.curveNumber].legendgroup;
        if (!arm) return true;
        toggle(arm);
        return false;
      });
      plot.on("plotly_legenddoubleclick", () => false);
    }
    document.documentElement.dataset.drawn = String(plots.length);
  });
  for (const query of [screenIsDark, isNarrow, isPrint]) query.addEventListener("change", drawAll);
})();

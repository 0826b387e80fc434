(() => {
  "use strict";
  const root = document.documentElement;
  const colour = (name) => getComputedStyle(root).getPropertyValue("--" + name).trim();

  // Tables: a column's head sorts by it, numbers as numbers.
  const value = (row, at) => row.cells[at] ? row.cells[at].textContent : "";
  const compare = (a, b) => {
    const [x, y] = [parseFloat(a), parseFloat(b)];
    if (Number.isNaN(x) !== Number.isNaN(y)) return Number.isNaN(x) ? -1 : 1;
    return Number.isNaN(x) || x === y ? a.localeCompare(b) : x - y;
  };
  for (const head of document.querySelectorAll("thead th")) {
    const body = head.closest("table").tBodies[0];
    if (body.rows.length < 2) continue;
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = head.textContent;
    button.title = "sort by " + head.textContent;
    head.replaceChildren(button);
    button.addEventListener("click", () => {
      const falling = head.getAttribute("aria-sort") === "ascending";
      for (const other of head.parentNode.cells) other.removeAttribute("aria-sort");
      head.setAttribute("aria-sort", falling ? "descending" : "ascending");
      const rows = Array.from(body.rows);
      rows.sort((a, b) => compare(value(a, head.cellIndex), value(b, head.cellIndex)) * (falling ? -1 : 1));
      body.append(...rows);
    });
  }

  if (!window.Plotly) {
    document.getElementById("no-script-file").hidden = false;
    return;
  }
  const figures = JSON.parse(document.getElementById("figures").textContent);
  const config = { responsive: true, displaylogo: false, scrollZoom: false };

  // The colours of the page as it looks now.
  const tint = (figure) => {
    const [ink, rule, paper] = [colour("ink"), colour("rule"), colour("paper")];
    for (const trace of figure.data) {
      // Bars name their colour where others are given it.
      trace.meta = trace.meta || trace.marker.color;
      trace.line = trace.line || {};
      trace.line.color = colour(trace.meta);
      trace.marker = { ...trace.marker, color: trace.line.color, size: 7 };
      if (trace.fill) trace.fillcolor = trace.line.color + "22";
    }
    const layout = figure.layout;
    Object.assign(layout, {
      paper_bgcolor: "rgba(0,0,0,0)",
      plot_bgcolor: "rgba(0,0,0,0)",
      font: { color: ink, family: "inherit", size: 12 },
      hoverlabel: { bgcolor: paper, bordercolor: rule, font: { color: ink } },
      modebar: { bgcolor: "rgba(0,0,0,0)", color: colour("muted"), activecolor: ink },
    });
    for (const key of Object.keys(layout).filter((key) => /^[xy]axis/.test(key))) {
      Object.assign(layout[key], { gridcolor: rule, linecolor: rule, zerolinecolor: rule });
    }
    return figure;
  };
  const draw = (width) => {
    for (const [id, figure] of Object.entries(figures)) {
      const { data, layout } = tint(figure);
      layout.width = width;
      layout.autosize = !width;
      Plotly.react(id, data, layout, config);
    }
  };
  draw();
  window.matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => draw());

  // Paper is white and as wide as it is.
  window.addEventListener("beforeprint", () => {
    root.dataset.print = "";
    for (const folded of document.querySelectorAll("details")) folded.open = true;
    draw(960);
  });
  window.addEventListener("afterprint", () => {
    delete root.dataset.print;
    draw();
  });
})();

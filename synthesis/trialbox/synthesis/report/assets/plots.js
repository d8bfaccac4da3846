// The plots, drawn by plotly in the reader's light or dark.

async function drawPlots() {
  const figures = await unpack("figures");
  if (Object.keys(figures).length === 0) return;
  // The security policy lets this very text run, by its hash, and no other.
  const script = document.createElement("script");
  script.textContent = await unpackText("plotly");
  document.head.append(script);
  const dark = matchMedia("(prefers-color-scheme: dark)");
  // All in their places before the first is drawn: they share the width.
  for (const name of Object.keys(figures)) document.getElementById(`figure-${name}`).hidden = false;
  const draw = async () => {
    for (const [name, figure] of Object.entries(figures)) {
      // Between two plots the reader has a turn.
      await new Promise((resolve) => setTimeout(resolve));
      await drawPlot(name, figure);
    }
  };
  dark.addEventListener("change", draw);
  await draw();
}

function drawPlot(name, figure) {
  const style = getComputedStyle(document.documentElement);
  const axis = { gridcolor: style.getPropertyValue("--line"), zerolinecolor: style.getPropertyValue("--line") };
  const layout = {
    ...figure.layout,
    font: { family: "system-ui, sans-serif", size: 13, color: style.getPropertyValue("--text") },
    paper_bgcolor: "rgba(0, 0, 0, 0)",
    plot_bgcolor: "rgba(0, 0, 0, 0)",
    xaxis: { ...figure.layout.xaxis, ...axis },
    yaxis: { ...figure.layout.yaxis, ...axis },
  };
  return Plotly.react(`plot-${name}`, figure.data, layout, { displayModeBar: false, responsive: true });
}

// The overview's charts: the map of the city and the bars. Whatever they show stands in the tables, too.
import { BarChart, MapChart } from "echarts/charts";
import { GridComponent, TooltipComponent, VisualMapComponent } from "echarts/components";
import { init, registerMap, use } from "echarts/core";
import { CanvasRenderer } from "echarts/renderers";

use([BarChart, MapChart, GridComponent, TooltipComponent, VisualMapComponent, CanvasRenderer]);

const style = getComputedStyle(document.documentElement);
const colour = (name) => style.getPropertyValue(name).trim();
const text = { color: colour("--ink"), fontFamily: style.fontFamily, fontSize: 13 };
// (A tooltip of HTML would bring style attributes, which the page's policy refuses.)
const tooltip = { renderMode: "richText", confine: true, textStyle: text, transitionDuration: 0 };
const charts = [];

function begin(element) {
  const chart = init(element);
  charts.push(chart);
  return chart;
}

// A click on a part goes where its row in the table does.
function follow(chart, rows) {
  chart.on("click", ({ name }) => {
    const row = rows.find((each) => each.name === name);
    if (row?.href && row.count) location.assign(row.href);
  });
}

function drawBars(element, rows, unit) {
  const chart = begin(element);
  chart.setOption({
    animation: false,
    textStyle: text,
    grid: { left: 8, right: 8, top: 12, bottom: 4, outerBoundsMode: "same", outerBoundsContain: "axisLabel" },
    tooltip: { ...tooltip, trigger: "axis", axisPointer: { type: "shadow" }, formatter: ([{ name, value }]) => `${name}  ${value} ${unit}` },
    xAxis: { type: "category", data: rows.map(({ name }) => name), axisLabel: text, axisTick: { show: false } },
    yAxis: { type: "value", minInterval: 1, axisLabel: text },
    series: [{ type: "bar", data: rows.map(({ count }) => count), itemStyle: { color: colour("--accent") }, barMaxWidth: 36 }],
  });
  follow(chart, rows);
}

function drawMap(element, shapes, rows) {
  const total = document.querySelector("#counties tfoot .number").textContent;
  const caption = document.getElementById("map-told");
  const usual = caption.textContent;
  const tell = (name) => {
    const count = rows.find((row) => row.name === name)?.count ?? 0;
    return `${name}  ${count} 张,占 ${Number(total) ? ((100 * count) / Number(total)).toFixed(1) : "0.0"}%`;
  };
  registerMap("city", shapes);
  const chart = begin(element);
  const [, north] = shapes.features[0].geometry.coordinates[0][0][0];
  chart.setOption({
    animation: false,
    textStyle: text,
    tooltip: { ...tooltip, trigger: "item", formatter: ({ name }) => tell(name) },
    visualMap: {
      min: 0,
      max: Math.max(1, ...rows.map(({ count }) => count)),
      left: 0,
      bottom: 0,
      itemHeight: 90,
      text: ["多", "少"],
      textStyle: text,
      inRange: { color: ["#eef3fa", "#8db4e2", "#1f5fae"] },
    },
    series: [{
      type: "map",
      map: "city",
      aspectScale: Math.cos((north * Math.PI) / 180),
      preserveAspect: "contain",
      top: 8,
      bottom: 8,
      left: 8,
      right: 8,
      selectedMode: false,
      label: { show: true, ...text, textBorderColor: "#fff", textBorderWidth: 3 },
      itemStyle: { borderColor: colour("--quiet"), borderWidth: 1, areaColor: colour("--paper") },
      emphasis: { label: { ...text, fontWeight: "bold" }, itemStyle: { areaColor: "#ffd98a" } },
      data: rows.map(({ name, count }) => ({ name, value: count })),
    }],
  });
  chart.on("mouseover", ({ name }) => { caption.textContent = tell(name); });
  chart.on("globalout", () => { caption.textContent = usual; });
  follow(chart, rows);
  element.dataset.drawn = "1";
}

async function fetchShapes(element, rows) {
  const answer = await fetch(element.dataset.shapes);
  if (!answer.ok) throw new Error(answer.statusText);
  const shapes = await answer.json();
  const known = new Set(rows.map(({ name }) => name));
  drawMap(element, { ...shapes, features: shapes.features.filter(({ properties }) => known.has(properties.name)) }, rows);
}

const figures = document.getElementById("drawn");
if (figures) {
  const drawn = JSON.parse(figures.textContent);
  drawBars(document.getElementById("hours"), drawn.hours, "通");
  const days = document.getElementById("days");
  if (days) drawBars(days, drawn.days, "通");
  const map = document.getElementById("map");
  if (map) fetchShapes(map, drawn.counties).catch(() => { map.closest("figure").remove(); }); // the table stays
  addEventListener("resize", () => charts.forEach((chart) => chart.resize()));
}

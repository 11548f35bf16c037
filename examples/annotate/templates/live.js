"use strict";
const SVG = "http://www.w3.org/2000/svg";
const MINUTES = 5;
const KEPT = 50;
const streams = document.body.dataset.streams === "yes";
const cameras = [...document.querySelectorAll(".camera")].map((section, number) => ({
  number,
  view: section.querySelector(".view"),
  status: section.querySelector(".status"),
  faces: section.querySelector(".faces"),
  curves: section.querySelector(".curves"),
  events: section.querySelector(".events"),
  seconds: [],
}));
let looks = [];
let paused = false;

const element = (name, text) => {
  const made = document.createElement(name);
  made.textContent = text;
  return made;
};
const path = (d, look, kind) => {
  const line = document.createElementNS(SVG, "path");
  line.setAttribute("d", d);
  line.setAttribute("class", kind);
  if (kind === "over") line.setAttribute("stroke", look.colour);
  line.setAttribute("stroke-dasharray", look.dash);
  return line;
};
const percent = (share) => `${Math.round(share * 100)} %`;
const seconds = (nanoseconds) => nanoseconds === null ? "" : ` after ${(nanoseconds / 1e9).toFixed(1)} s`;

const showLooks = (all) => {
  looks = all.filter((look) => look.label !== "uncertain");
  const legend = document.getElementById("legend");
  legend.hidden = looks.length === 0;
  legend.replaceChildren(...looks.map((look) => {
    const item = document.createElement("li");
    const sample = document.createElementNS(SVG, "svg");
    sample.setAttribute("viewBox", "0 0 34 10");
    sample.setAttribute("aria-hidden", "true");
    sample.setAttribute("class", "curves-sample");
    for (const kind of ["under", "over"]) {
      const line = path("M0 5H34", look, kind);
      line.setAttribute("stroke-width", kind === "over" ? "4" : "6");
      if (kind === "under") line.setAttribute("stroke", "currentColor");
      sample.append(line);
    }
    item.append(sample, ` ${look.label}`);
    return item;
  }));
};
const showStatus = (camera, { status, why }) => {
  const words = { starting: "Starting", running: "Running", ended: "Ended", failed: "Failed" };
  camera.status.textContent = why ? `${words[status]}: ${why}` : words[status];
};
const showFaces = (camera, faces) => {
  const items = faces.map((face) => {
    const who = face.id > 0 ? `Person ${face.id}` : "Face";
    const what = face.smoothed_label === null ? "not read" : `${face.smoothed_label} ${percent(face.smoothed_confidence)}`;
    return element("li", `${who}: ${what}`);
  });
  camera.faces.replaceChildren(...(items.length ? items : [element("li", "none")]));
};
const showCurves = (camera) => {
  const now = Date.now() / 1000;
  camera.seconds = camera.seconds.filter((second) => now - second.time < MINUTES * 60);
  const lines = looks.map((look) => {
    let d = "";
    let last = -2;
    for (const { time, means } of camera.seconds) {
      const mean = means[look.label];
      if (mean === undefined) continue;
      const x = (300 - (now - time) * 300 / (MINUTES * 60)).toFixed(1);
      const y = (98 - mean * 96).toFixed(1);
      // A single second is a short line.
      d += time - last > 2 ? `M${x} ${y}h1` : `L${x} ${y}`;
      last = time;
    }
    return d && [path(d, look, "under"), path(d, look, "over")];
  });
  camera.curves.replaceChildren(...lines.filter(Boolean).flat());
};
const tell = (event) => {
  const was = event.from ? `${event.from} to ` : "";
  const label = event.label ?? "not read";
  return {
    "face-appeared": `Person ${event.id} came: ${label}`,
    "face-left": `Person ${event.id} left${seconds(event.duration ?? null)}: ${label}`,
    "expression-changed": `Person ${event.id}: ${was}${label}${seconds(event.duration ?? null)}`,
  }[event.event];
};
const showEvent = (camera, event) => {
  const item = document.createElement("li");
  const time = element("time", new Date(event.time).toLocaleTimeString());
  time.dateTime = new Date(event.time).toISOString();
  item.append(time, tell(event));
  camera.events.prepend(item);
  while (camera.events.children.length > KEPT) camera.events.lastChild.remove();
};

const link = document.getElementById("link");
const everything = (all) => {
  link.textContent = "";
  showLooks(all.looks);
  all.cameras.forEach((known, number) => {
    const camera = cameras[number];
    camera.seconds = known.seconds;
    camera.events.replaceChildren();
    showStatus(camera, known.status);
    showFaces(camera, known.faces);
    known.events.forEach((event) => showEvent(camera, event));
    showCurves(camera);
  });
};
let source;
const connect = () => {
  source = new EventSource("/events");
  const on = (kind, act) => source.addEventListener(kind, (message) => act(JSON.parse(message.data)));
  on("everything", everything);
  on("looks", showLooks);
  on("faces", ({ camera, faces }) => showFaces(cameras[camera], faces));
  on("status", ({ camera, status }) => showStatus(cameras[camera], status));
  on("happened", ({ camera, event }) => showEvent(cameras[camera], event));
  on("second", ({ camera, second }) => {
    cameras[camera].seconds.push(second);
    showCurves(cameras[camera]);
  });
  source.addEventListener("error", () => { link.textContent = "No connection; trying again"; });
};
connect();

const fetchPicture = (camera) => { camera.view.src = `/picture/${camera.number}?${Date.now()}`; };
if (!streams) {
  for (const camera of cameras) {
    const again = () => setTimeout(() => { if (!paused) fetchPicture(camera); else again(); }, 500);
    camera.view.addEventListener("load", again);
    camera.view.addEventListener("error", again);
  }
}
const pause = document.getElementById("pause");
pause.hidden = false;
pause.addEventListener("click", () => {
  paused = !paused;
  pause.setAttribute("aria-pressed", String(paused));
  if (paused) {
    source.close();
    link.textContent = "Paused";
  } else {
    connect();
  }
  for (const { number, view } of streams ? cameras : []) {
    if (!paused) {
      view.src = `/video/${number}`;
      continue;
    }
    // What is shown stays, and nothing more is fetched.
    const still = document.createElement("canvas");
    still.width = view.naturalWidth || 4;
    still.height = view.naturalHeight || 3;
    still.getContext("2d").drawImage(view, 0, 0);
    view.src = still.toDataURL("image/jpeg");
  }
});

// The sound of an emergency: once for each, in one window of the browser.

const KEPT = "sounded";
const KEPT_IDS = 200;

// `ids` are the calls that are emergencies now.
export function sound(ids) {
  const before = JSON.parse(localStorage.getItem(KEPT) ?? "[]");
  const fresh = ids.filter((id) => !before.includes(id));
  if (!fresh.length) return;
  localStorage.setItem(KEPT, JSON.stringify([...before, ...fresh].slice(-KEPT_IDS)));
  const context = new AudioContext(); // silent until somebody has touched the page, as browsers have it
  for (const [start, pitch] of [[0, 880], [0.25, 660], [0.5, 880]]) {
    const tone = context.createOscillator();
    const loudness = context.createGain();
    tone.frequency.value = pitch;
    loudness.gain.value = 0.2;
    tone.connect(loudness).connect(context.destination);
    tone.start(context.currentTime + start);
    tone.stop(context.currentTime + start + 0.2);
  }
  setTimeout(() => context.close(), 2000);
}

// Both sides' waveform, drawn from the peaks the server has computed, as they arrive.
import WaveSurfer from "wavesurfer.js";

const BUCKET_S = 0.02;
const BUCKET_BYTES = 4; // lowest and highest of the caller, lowest and highest of what the caller heard
const REDRAW_MS = 400;
const LOUDEST = 0.1; // of full scale: a side that is quieter all the time is drawn as quiet, and silence as a line
const ZOOMS = [0, 20, 50, 100, 200]; // pixels a second; 0: all of it

const style = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

export class Wave {
  constructor(container, audio, url, seconds) {
    this.url = new URL(url, location.href).href;
    this.seconds = seconds;
    this.sides = [0, 1].map(() => new Float32Array(Math.max(1, Math.ceil(seconds / BUCKET_S))));
    this.zoomed = 0;
    const side = (colour) => ({ waveColor: style(colour), progressColor: style(colour), height: 36, barWidth: 0 });
    this.surfer = WaveSurfer.create({
      container,
      media: audio,
      peaks: this.sides,
      duration: seconds,
      splitChannels: [side("--caller"), side("--prompt")],
      cursorColor: style("--danger"),
      cursorWidth: 2,
      interact: true,
      dragToSeek: false,
      hideScrollbar: false,
      autoScroll: true,
      autoCenter: false,
      cspNonce: document.querySelector("meta[name=style-nonce]").content,
    });
  }

  // Where in the recording somebody has clicked, in seconds.
  onClick(listener) {
    this.surfer.on("click", (share) => listener(share * this.seconds));
  }

  zoom(steps) {
    this.zoomed = Math.min(Math.max(this.zoomed + steps, 0), ZOOMS.length - 1);
    this.surfer.zoom(ZOOMS[this.zoomed]);
  }

  async load(path) {
    const answer = await fetch(path);
    if (!answer.ok) return false;
    const reader = answer.body.getReader();
    let rest = new Uint8Array();
    let bucket = 0;
    let drawn = performance.now();
    for (;;) {
      const { done, value } = await reader.read();
      if (done) break;
      const bytes = new Uint8Array(rest.length + value.length);
      bytes.set(rest);
      bytes.set(value, rest.length);
      const whole = bytes.length - (bytes.length % BUCKET_BYTES);
      bucket = this.fill(new Int8Array(bytes.buffer, 0, whole), bucket);
      rest = bytes.slice(whole);
      if (performance.now() - drawn > REDRAW_MS) {
        this.draw();
        drawn = performance.now();
      }
    }
    this.draw();
    return true;
  }

  fill(peaks, bucket) {
    let at = bucket;
    for (let i = 0; i < peaks.length; i += BUCKET_BYTES, at++) {
      this.sides.forEach((side, n) => {
        if (at < side.length) side[at] = Math.max(Math.abs(peaks[i + 2 * n]), Math.abs(peaks[i + 2 * n + 1])) / 128;
      });
    }
    return at;
  }

  draw() {
    const scaled = this.sides.map((side) => {
      const loudest = side.reduce((most, one) => Math.max(most, one), LOUDEST);
      return side.map((one) => one / loudest);
    });
    this.surfer.load(this.url, scaled, this.seconds);
  }
}

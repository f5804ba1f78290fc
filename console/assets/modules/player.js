// The sound: play from a moment, at another speed with the same pitch, one phrase over and over.

export const RATES = [0.75, 1, 1.25, 1.5, 1.75, 2];
const KEPT = "rate"; // who listens fast to one call does so to the next

export class Player {
  constructor(audio) {
    this.audio = audio;
    this.loop = null;
    this.listeners = [];
    this.audio.preservesPitch = true;
    const kept = Number(localStorage.getItem(KEPT));
    if (RATES.includes(kept)) this.setRate(kept);
    const begin = () => {
      this.tick();
      this.follow();
    };
    for (const kind of ["play", "pause", "seeked", "ended", "ratechange"]) audio.addEventListener(kind, begin);
  }

  // `listener(time, playing)`, at every frame while it plays.
  onTime(listener) {
    this.listeners.push(listener);
  }

  get playing() {
    return !this.audio.paused && !this.audio.ended;
  }

  get time() {
    return this.wanted ?? this.audio.currentTime;
  }

  follow() {
    if (this.following || !this.playing) return;
    this.following = true;
    const frame = () => {
      this.tick();
      if (this.playing) requestAnimationFrame(frame);
      else this.following = false;
    };
    requestAnimationFrame(frame);
  }

  tick() {
    const { currentTime } = this.audio;
    if (this.loop && (currentTime >= this.loop.end || currentTime < this.loop.start - 0.3)) this.seek(this.loop.start);
    for (const listener of this.listeners) listener(this.audio.currentTime, this.playing);
  }

  // Until something is known of the sound, a moment in it can only be wished for.
  ready() {
    if (this.audio.readyState >= HTMLMediaElement.HAVE_METADATA) return Promise.resolve();
    this.loading ??= new Promise((resolve) => {
      for (const kind of ["loadedmetadata", "error"]) this.audio.addEventListener(kind, resolve, { once: true });
      this.audio.preload = "auto";
      this.audio.load();
    });
    return this.loading;
  }

  async seek(time) {
    this.wanted = Math.max(0, time);
    await this.ready();
    if (this.wanted === undefined) return;
    this.audio.currentTime = this.wanted;
    this.wanted = undefined;
  }

  async playFrom(time) {
    if (this.loop && (time < this.loop.start || time >= this.loop.end)) this.loop = null;
    await this.seek(time);
    await this.play();
  }

  async play() {
    await (this.wanted === undefined ? this.ready() : this.seek(this.wanted));
    try {
      await this.audio.play();
    } catch (error) {
      // Another click came first; or there is nothing to play, which the sound's own error event tells.
      if (!["AbortError", "NotSupportedError"].includes(error.name)) throw error;
    }
  }

  async toggle() {
    if (this.playing) this.audio.pause();
    else await this.play();
  }

  skip(seconds) {
    this.seek(this.time + seconds);
  }

  repeat(phrase) {
    this.loop = phrase;
    if (phrase) this.playFrom(phrase.start);
    else this.tick();
  }

  changeRate(steps) {
    const at = RATES.indexOf(this.audio.playbackRate);
    const next = RATES[Math.min(Math.max(at + steps, 0), RATES.length - 1)];
    this.setRate(next);
  }

  setRate(rate) {
    this.audio.defaultPlaybackRate = rate; // loading the sound would set it back otherwise
    this.audio.playbackRate = rate;
    localStorage.setItem(KEPT, rate);
  }
}

// The sound: play from a moment, at another speed with the same pitch, one phrase over and over.

export const RATES = [0.75, 1, 1.25, 1.5, 1.75, 2];

export class Player {
  constructor(audio) {
    this.audio = audio;
    this.loop = null;
    this.listeners = [];
    this.audio.preservesPitch = true;
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

  // Until the sound's length is known a moment can only be asked for.
  seek(time) {
    const target = Math.max(0, time);
    if (this.audio.readyState >= HTMLMediaElement.HAVE_METADATA) {
      this.audio.currentTime = target;
      return;
    }
    const first = this.wanted === undefined;
    this.wanted = target;
    if (!first) return;
    this.audio.addEventListener(
      "loadedmetadata",
      () => {
        this.audio.currentTime = this.wanted;
        this.wanted = undefined;
      },
      { once: true },
    );
    this.audio.preload = "auto"; // sets out to load it
    this.audio.load();
  }

  async playFrom(time) {
    if (this.loop && (time < this.loop.start || time >= this.loop.end)) this.loop = null;
    this.seek(time);
    await this.play();
  }

  async play() {
    try {
      await this.audio.play();
    } catch (error) {
      if (error.name !== "AbortError") throw error; // another click came first
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
  }
}

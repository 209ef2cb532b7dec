// Counting breaths: a tap for each, over 60 or 30 seconds. No clock and no page of its own.

const BOUNCE_MS = 250;
/** Two taps closer than this are one: nobody breathes 240 times a minute, but touch screens bounce. */

export class Breaths {
  constructor(seconds, nowMs) {
    this.seconds = seconds;
    this.count = 0;
    this.beganMs = nowMs;
    this.lastMs = -Infinity;
  }

  tap(nowMs) {
    if (this.over(nowMs) || nowMs - this.lastMs < BOUNCE_MS) return false;
    this.lastMs = nowMs;
    this.count += 1;
    return true;
  }

  over(nowMs) {
    return nowMs - this.beganMs >= this.seconds * 1000;
  }

  leftSeconds(nowMs) {
    return Math.max(0, Math.ceil(this.seconds - (nowMs - this.beganMs) / 1000));
  }

  perMinute() {
    return this.count * (60 / this.seconds);
  }
}

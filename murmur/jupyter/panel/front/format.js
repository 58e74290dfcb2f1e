// Numbers as people read them.

const WHOLE = new Intl.NumberFormat("en", { maximumFractionDigits: 0 });
const TENTH = new Intl.NumberFormat("en", { maximumFractionDigits: 1 });

const isOver = (state) => !["running", "terminating"].includes(state);

function whole(number) {
  return WHOLE.format(number ?? 0);
}

/** Return a number and what it is of, in the plural unless it is one. */
const numberOf = (number, noun) => `${whole(number)} ${noun}${number === 1 ? "" : "s"}`;

/** Return a rate: whole numbers above 100, one digit below. */
function rate(number) {
  if (typeof number === "string") return number;
  return number >= 100 ? WHOLE.format(number) : TENTH.format(number ?? 0);
}

/** Return a share in percent: small ones exactly, for one in ten thousand is not none. */
function percent(share) {
  const digits = share >= 0.1 ? 0 : share >= 0.01 ? 1 : 2;
  return share === 0 ? "0" : (100 * share).toFixed(digits);
}

const cores = (share) => (share == null ? "–" : `${Math.round(100 * share)} %`);

/** Return seconds as a clock: 0:07, 12:30, 1:02:03. */
function clock(seconds) {
  const [hours, minutes] = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60];
  const rest = String(Math.floor(seconds) % 60).padStart(2, "0");
  return hours ? `${hours}:${String(minutes).padStart(2, "0")}:${rest}` : `${minutes}:${rest}`;
}

/** Return a number that was typed, "inf" included; NaN if it is none. */
function typed(text) {
  const trimmed = String(text).trim().replaceAll(",", "");
  if (/^\+?inf(inity)?$/i.test(trimmed)) return Infinity;
  return trimmed === "" ? NaN : Number(trimmed);
}

/** Return a number as Python reads it. */
const python = (number) => (number === Infinity ? "inf" : String(number));

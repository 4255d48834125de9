/* Taking personal data out of a text: companion.chatbot.redaction in JavaScript. */

/* What `\w` and `\d` mean in Python: letters, digits and underscores of any script. */
const WORD = String.raw`\p{L}\p{N}_`, DIGIT = String.raw`\p{Nd}`;
const notAfter = (signs) => `(?<![${WORD}${signs}])`;
const notBefore = (signs) => `(?![${WORD}${signs}])`;
const pattern = (...parts) => new RegExp(parts.join(""), "gu");

const EMAIL = pattern(notAfter(".+\\-"), `[${WORD}.+\\-]{1,64}@(?:[${WORD}\\-]{1,63}\\.){1,8}`,
  String.raw`[\p{L}\p{Nl}\p{No}]{2,63}`, notBefore("\\-"));
const CARD = pattern(notAfter("."), `${DIGIT}(?:[ \\-]?${DIGIT}){12,18}`, notBefore(""));
const DATE = `${DIGIT}${DIGIT}[\\-/ ]${DIGIT}${DIGIT}[\\-/ ]${DIGIT}{4}`;
const PHONE = pattern(notAfter("."), `(?!${DATE})(?:\\+${DIGIT}|\\(\\+?${DIGIT}{1,5}\\)|0)`,
  `(?:[ /()\\-]{0,2}${DIGIT}){5,14}`, notBefore(""));
const US_PHONE = pattern(notAfter(".\\-"), `(?:1[ .\\-])?${DIGIT}{3}[ .\\-]${DIGIT}{3}[ .\\-]${DIGIT}{4}`, notBefore("\\-"));

/* The text with [email], [phone] and [card]. */
export function redact(text) {
  return text.replace(EMAIL, "[email]")
    .replace(CARD, (number) => (luhn(number) ? "[card]" : number))
    .replace(PHONE, (number) => (isPhone(number) ? "[phone]" : number))
    .replace(US_PHONE, "[phone]");
}

/* Does a card number pass the check of its last digit? Every second digit from the right counts double,
   and of a product its digits are added. */
export function luhn(number) {
  const sums = digits(number).reverse().map((digit, at) => (at % 2 ? digit * 2 - (digit > 4 ? 9 : 0) : digit));
  return sums.length > 0 && sums.reduce((sum, x) => sum + x, 0) % 10 === 0;
}

function isPhone(number) {
  const count = digits(number).length;
  return count >= (number.startsWith("0") ? 9 : 8) && count <= 15;
}

/* The values of the digits, those of other scripts too: each script has its ten in a row. */
function digits(text) {
  return [...text].filter((sign) => /\p{Nd}/u.test(sign)).map((sign) => {
    const plain = sign.normalize("NFKC");
    if (/[0-9]/.test(plain)) return Number(plain);
    let value = 0;
    while (/\p{Nd}/u.test(String.fromCodePoint(sign.codePointAt(0) - value - 1))) value += 1;
    return value;
  });
}

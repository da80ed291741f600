import assert from "node:assert/strict";
import { decodeParameterText, parseMediaType, statedNames } from "../../src/mail/mime.ts";
import { test } from "../kit/test.ts";

const parameters = (value: string) => Object.fromEntries(parseMediaType(value).parameters);

test("a media type is read with its parameters, in any case and quoting", () => {
  const type = parseMediaType('Text/Plain (comment); Charset="us\\-ascii"; format=flowed ;x = y');
  assert.equal(type.type, "text/plain");
  assert.deepEqual(Object.fromEntries(type.parameters), { charset: "us-ascii", format: "flowed", x: "y" });
  assert.equal(parseMediaType("").type, "");
  assert.deepEqual(parameters("text/html"), {});
  assert.deepEqual(parameters('multipart/mixed;\r\n\tboundary="a;b=c"'), { boundary: "a;b=c" });
});

test("the examples of RFC 2231 read as it says", () => {
  assert.deepEqual(
    parameters('message/external-body; access-type=URL; URL*0="ftp://"; URL*1="cs.utk.edu/pub/moore/bulk-mailer.tar"'),
    {
      "access-type": "URL",
      url: "ftp://cs.utk.edu/pub/moore/bulk-mailer.tar",
    },
  );
  assert.deepEqual(parameters("application/x-stuff; title*=us-ascii'en-us'This%20is%20%2A%2A%2Afun%2A%2A%2A"), {
    title: "This is ***fun***",
  });
  assert.deepEqual(
    parameters(
      `application/x-stuff; title*1*=%2A%2A%2Afun%2A%2A%2A%20; title*0*=us-ascii'en'This%20is%20even%20more%20; title*2="isn't it!"`,
    ),
    { title: "This is even more ***fun*** isn't it!" },
  );
});

test("an extended value wins over a plain one, and an unknown charset loses no octet", () => {
  assert.equal(parameters(`a; filename="x"; filename*=utf-8''%e2%82%ac`).filename, "€");
  assert.equal(parameters("a; n*=no-such''%e9").n, "é");
  assert.equal(parameters("a; n*=broken").n, "broken");
});

test("only values with extended parameters are written anew", () => {
  const value = 'text/plain;  name="a*b"; x=y';
  assert.equal(decodeParameterText(value), value);
  assert.equal(decodeParameterText(`inline; name*=utf-8''%22%c3%a4`), 'inline; name="\\"ä"');
});

test("everything stated as a name is found, whichever form readers go by", () => {
  const rows: readonly [string, string[]][] = [
    ['attachment; filename="a.txt"', ["a.txt"]],
    ['attachment; filename="good.txt"; filename="evil.exe"', ["good.txt", "evil.exe"]],
    ["attachment; filename=evil.exe; filename*=utf-8''good%C3%A4.txt", ["good\u00e4.txt", "evil.exe"]],
    ["attachment; filename*0=evil; filename*1=.exe", ["evil.exe"]],
    ["attachment; filename*0*=utf-8''ev%69l; filename*1=.exe; name=x", ["evil.exe", "x"]],
    ["text/plain; charset=x; Name=a;\r\n\tNAME*=''b", ["b", "a"]],
    ["attachment", []],
    ['attachment; filename=""', []],
  ];
  for (const [value, names] of rows) assert.deepEqual(statedNames(value), names, value);
});

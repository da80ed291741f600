/** What may stand before and behind a dot in a smuggling attempt, and the one end of a message that counts (RFC 5321 §4.1.1.4). */
export const ENDS = [
  "\r",
  "\n",
  "\r\n",
  "\r\r",
  "\n\n",
  "\n\r",
  "\r\r\n",
  "\r\n\n",
  "\n\r\n",
  "\r\n\r",
  "",
  "\0\r\n",
  " \r\n",
];
export const CLEAN = "\r\n.\r\n";

/** The page of a hook in `docs/hooks/`: the prose is here, verdicts and replies come from its rule. */
import type { EngineHooks } from "./points.ts";
import { type Aftermath, HOOK_RULES, type HookRule, type RefusalReply } from "./rules.ts";

export interface HookProse {
  /** Completes "Runs …". */
  readonly when: string;
  /** The event's fields besides `signal`. */
  readonly told: string;
  /** What `ok()` does. */
  readonly ok?: string;
  /** What `answer(…)` takes and does. */
  readonly answer?: string;
  /** What happens when nobody says anything. */
  readonly otherwise: string;
}

const QUEUED = "The message is taken care of; the client is told 250, with the text if one is given.";

export const HOOK_PROSE: { readonly [N in keyof EngineHooks]: HookProse } = {
  init_master: {
    when: "once, when the server starts, before it takes connections",
    told: "server",
    ok: "Later plugins are not asked.",
    otherwise: "The start goes on.",
  },
  init_child: {
    when: "once in each process that takes connections, behind init_master",
    told: "server",
    ok: "Later plugins are not asked.",
    otherwise: "The start goes on.",
  },
  init_http: {
    when: "where http.ini has endpoints, before they are listened on",
    told: "server with `server.http`, to which routes are added",
    otherwise: "The start goes on.",
  },
  init_wss: {
    when: "behind init_http; without a plugin here no WebSocket is taken",
    told: "server with `server.http` and `server.wss`",
    otherwise: "The start goes on.",
  },
  connect_init: {
    when: "first of all for each connection, before anything is looked up or sent",
    told: "session",
    otherwise: "lookup_rdns comes next.",
  },
  lookup_rdns: {
    when: "behind connect_init",
    told: "session",
    answer: "The client's host name; our own look-up is left out.",
    otherwise: "We look the name up ourselves.",
  },
  connect: {
    when: "when the client's name is known, before the greeting",
    told: "session",
    ok: "Later plugins are not asked; the text replaces the greeting.",
    otherwise: "The client is greeted (220).",
  },
  helo: {
    when: "at HELO",
    told: "session, host (what the client calls itself)",
    ok: "250; later plugins are not asked.",
    otherwise: "250.",
  },
  ehlo: {
    when: "at EHLO",
    told: "session, host (what the client calls itself)",
    ok: "Later plugins are not asked; the capabilities hook, then 250 with the list.",
    otherwise: "The capabilities hook, then 250 with the list.",
  },
  capabilities: {
    when: "behind ehlo, before the list is sent",
    told: "session, capabilities (edit it: lines, auth, startTls)",
    otherwise: "The list is sent as it stands.",
  },
  unrecognized_command: {
    when: "at a command the engine does not know",
    told: "session, verb, rest",
    answer: 'The reply to send, or `{ run: "noop" }` and the like to run another hook in its place. ' +
      'With `client` beside `run: "connect"` or `"lookup_rdns"` the session begins anew with that client.',
    otherwise: "500, and the client's errors grow by one.",
  },
  auth: {
    when: "when a client has given its credentials; ours, where Haraka's plugins listen at unrecognized_command",
    told: "session, attempt (mechanism, user, password, matches)",
    ok: "The client is authenticated (235) and may relay.",
    otherwise: "The credentials are refused (535).",
  },
  mail: {
    when: "at MAIL FROM; the transaction has begun",
    told: "session, transaction, sender, parameters",
    ok: "250; later plugins are not asked.",
    otherwise: "250.",
  },
  rcpt: {
    when: "at each RCPT TO",
    told: "session, transaction, recipient",
    ok: "The recipient is one of ours; rcpt_ok comes next.",
    otherwise: "A relaying client's recipient is taken; any other is refused: 550 `I cannot deliver mail for …`.",
  },
  rcpt_ok: {
    when: "behind rcpt, when the recipient is about to be taken",
    told: "session, transaction, recipient",
    otherwise: "250.",
  },
  data: {
    when: "at DATA, and at the first BDAT of a message",
    told: "session, transaction",
    otherwise: "354, or the chunk is read.",
  },
  max_data_exceeded: {
    when: "when a message was larger than allowed and has been read to its end",
    told: "session, transaction",
    otherwise: "The message is refused (550).",
  },
  data_post: {
    when: "when the message is whole",
    told: "session, transaction, message",
    ok: "Later plugins are not asked; the queue hooks come next.",
    otherwise: "The queue hooks come next.",
  },
  queue: {
    when: "behind data_post, when the client may not relay",
    told: "session, transaction, message",
    ok: QUEUED,
    otherwise: "451: nobody would take it.",
  },
  queue_outbound: {
    when: "behind data_post, when the client may relay",
    told: "session, transaction, message",
    ok: QUEUED,
    otherwise: "The message goes to the outbound queue.",
  },
  queue_ok: {
    when: "when a message has been taken, before the client is told",
    told: "session, transaction, text",
    otherwise: "250.",
  },
  reset_transaction: {
    when: "when a transaction ends, whatever ended it",
    told: "session, transaction",
    otherwise: "Nothing.",
  },
  vrfy: { when: "at VRFY", told: "session, argument", ok: "250 `User OK`, or the text.", otherwise: "252." },
  noop: { when: "at NOOP", told: "session", ok: "250.", otherwise: "250." },
  rset: { when: "at RSET", told: "session", otherwise: "250." },
  quit: {
    when: "at QUIT",
    told: "session",
    ok: "The text replaces that of the 221.",
    otherwise: "221, and the connection is closed.",
  },
  disconnect: { when: "when a connection is over, whatever ended it", told: "session", otherwise: "Nothing." },
  deny: {
    when: "when a plugin has refused something at another hook",
    told: "session, refused, by (the plugin), at (the hook), event (that hook's)",
    ok: "The refusal is overruled, and the rest of that hook's plugins are asked.",
    otherwise: "The refusal stands.",
  },
  log: {
    when: "for every line of the log; answers must be immediate",
    told: "item",
    ok: "The line is kept from the built-in output.",
    otherwise: "The line is written.",
  },
  pre_send_trans_email: {
    when: "when a message is about to enter the outbound queue",
    told: "envelope, message (its header may be edited)",
    otherwise: "The message is queued.",
  },
  send_email: {
    when: "before each attempt to deliver",
    told: "item",
    answer: "Seconds to wait before trying; not counted as a failure.",
    otherwise: "The attempt begins.",
  },
  get_mx: {
    when: "when the next hop of a domain is wanted",
    told: "item, domain",
    answer: "Where to send it: any form that `parseDestination()` reads, or a list of them.",
    otherwise: "The MX records decide.",
  },
  delivered: {
    when: "when recipients have been delivered to",
    told: "item, outcomes, via, delay, response",
    otherwise: "Nothing.",
  },
  deferred: {
    when: "when an attempt has failed for now",
    told: "item, attempt, delay (seconds), error",
    ok: "These recipients are dropped silently.",
    answer: "Another delay, in seconds.",
    otherwise: "It is tried again after the delay.",
  },
  bounce: {
    when: "when recipients have failed for good",
    told: "item, attempt, outcomes, error",
    ok: "No report is sent.",
    otherwise: "The sender gets a report.",
  },
};

const AFTERMATH: { readonly [A in Aftermath]: string } = {
  "refuse-session": "Every further command gets the same reply until QUIT.",
  "forget-hello": "The client must say EHLO or HELO again.",
  "reset": "The transaction is over.",
  "drop-recipient": "The recipient is not taken; the transaction goes on.",
  "fail-start": "The server does not start.",
  "nothing": "Nothing else follows.",
};

export function renderHook(name: keyof EngineHooks): string {
  const rule: HookRule = HOOK_RULES[name];
  const prose = HOOK_PROSE[name];
  const parts = [
    `# ${name}`,
    `Runs ${prose.when}.`,
    `Told: ${prose.told}; and \`signal\`, aborted when the function is late or no longer wanted.`,
  ];
  const says = [["Nothing", prose.otherwise]];
  if (prose.ok !== undefined) says.push(["`ok()`", prose.ok]);
  if (prose.answer !== undefined) says.push(["`answer(…)`", prose.answer]);
  const { replies } = rule;
  if (replies !== undefined) {
    says.push(
      ["`deny()`", shown(replies.deny)],
      ["`defer()`", shown(replies.defer)],
      ["`deny(…, { hangUp: true })`, `hangUp()`", shown(replies.denyAndClose)],
      ["`defer(…, { hangUp: true })`", shown(replies.deferAndClose)],
    );
  }
  parts.push(
    "| A function says | What follows |\n|---|---|\n" + says.map(([say, then]) => `| ${say} | ${then} |`).join("\n"),
  );
  if (replies !== undefined) {
    parts.push(
      "Code, status and text are what a refusal says that names none of its own; `%s` stands for the subject (address, id, domain).",
    );
    parts.push(`After a refusal: ${AFTERMATH[rule.then]}`);
  }
  if (rule.runs === "all") parts.push("Every plugin is asked, whatever the others say.");
  const faults = rule.onFault === "defer" && replies !== undefined
    ? `counts as a refusal for now: ${shown(replies.fault)}`
    : "is logged, and the next plugin is asked";
  parts.push(`A function that throws or is late ${faults}${faults.endsWith(".") ? "" : "."}`);
  return parts.join("\n\n") + "\n";
}

function shown({ code, enhanced, text, close }: RefusalReply): string {
  return `${code}${enhanced === undefined ? "" : ` ${enhanced}`} \`${text}\`${
    close ? ", and the connection is closed." : "."
  }`;
}

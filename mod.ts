/**
 * Kasi, a mail server to be programmed: what plugins and programs that embed it import.
 *
 * Nothing here awaits at top level: a plugin that imports this module while it is the main one would wait for itself.
 */

// For plugins.
export type { ArchiveFault, FaultKind } from "./src/archive/fault.ts";
export type { Octets } from "./src/archive/octets.ts";
export {
  ArchiveSearch,
  type SearchLimits,
  type SearchOptions,
  type Trouble as ArchiveTrouble,
} from "./src/archive/search.ts";
export { Spool, type SpoolOptions } from "./src/archive/spool.ts";
export { ConfigError, type ConfigFault } from "./src/base/config_error.ts";
export { type Clock, sleep, type Timer } from "./src/base/clock.ts";
export {
  ipInList,
  ipVersion,
  isGlobalUnicast,
  isIpLiteral,
  isLocalIp,
  isNetwork,
  isPrivateIp,
  normalizeIp,
  reverseName,
} from "./src/base/ip.ts";
export { ipInName } from "./src/base/ip_in_name.ts";
export { type Bytes, utf8Decode, utf8Encode } from "./src/base/bytes.ts";
export { deadline, DeadlineError } from "./src/base/deadline.ts";
export { newId } from "./src/base/ids.ts";
export { syslogTime } from "./src/base/syslog_time.ts";
export { isPublicSuffix, organizationalDomain, registeredDomain, splitHost } from "./src/base/org_domain.ts";
export { type FileShape, fileShape, type Settings, type Shape, type ValueOf } from "./src/config/shape.ts";
export type { Config, Live } from "./src/config/types.ts";
export { RESULTS_INI } from "./src/config/files/results_ini.ts";
export { SMTP_INI } from "./src/config/files/smtp_ini.ts";
export { TLS_INI } from "./src/config/files/tls_ini.ts";
export { parseDestination, parseDestinations } from "./src/hooks/destination.ts";
export type * from "./src/hooks/http.ts";
export { type MailHosts, mailHosts } from "./src/hooks/mail_hosts.ts";
export { Notes } from "./src/hooks/notes.ts";
export type * from "./src/hooks/operations.ts";
export type * from "./src/hooks/outbound.ts";
export type { HookTable, Plugin, PluginHost, Prioritized, ServerFace } from "./src/hooks/plugin.ts";
export type {
  HookEvent,
  HookHandler,
  HookName,
  HookResult,
  HookVerdict,
  PluginHooks,
  Point,
} from "./src/hooks/points.ts";
export type { ResultChange, ResultEntry, ResultFeed, ResultRecord, Results } from "./src/hooks/results.ts";
export type { AddressLike, NewMail, Outbound, QueueNumbers, Sent } from "./src/hooks/send.ts";
export type * from "./src/hooks/session.ts";
export {
  answer,
  defer,
  deny,
  hangUp,
  isRefusal,
  ok,
  type Refusal,
  type Refuse,
  type Verdict,
} from "./src/hooks/verdict.ts";
export { type Digest, newDigest } from "./src/host/digest.ts";
export { type GeoDatabase, type GeoFinding, openGeoDatabase } from "./src/host/geo_database.ts";
export {
  type HashKind,
  hashPassword,
  looksLikePasswordHash,
  passwordHashFault,
  verifyPassword,
} from "./src/host/password_hash.ts";
export type {
  Conn,
  Datagrams,
  DnsAnswer,
  DnsRecords,
  FsFile,
  Host,
  LocalLog,
  Machine,
  RecordType,
  RedisLink,
  RedisSettings,
  Resolver,
} from "./src/host/types.ts";
export { formatItem as formatLogItem } from "./src/log/format.ts";
export type { LevelName, Logger, LogItem } from "./src/log/types.ts";
export { type Address, addressFromJson, parseAddress } from "./src/mail/address.ts";
export type { Attachment } from "./src/mail/attachments.ts";
export type { BodyFilter, FilteredPart, FilterResult } from "./src/mail/body_edits.ts";
export { decodeText, encodeText } from "./src/mail/charset.ts";
export { parseDate } from "./src/mail/date.ts";
export type { Header, HeaderField } from "./src/mail/header.ts";
export type { Message, Rendered, Source } from "./src/mail/message.ts";
export {
  bareLineFeeds,
  chunksOf,
  clamdChunks,
  dotStuffing,
  endingDot,
  type MessageForm,
  messageStream,
} from "./src/mail/message_stream.ts";
export type { Patch } from "./src/mail/splice.ts";
export { type TextPart, textParts, type TextPartsOptions } from "./src/mail/text_parts.ts";
export { everyPart, parseHeader, type Part, partsOf } from "./src/mail/parts.ts";
export { type ArcFinding, sealArc, verifyArc } from "./src/mailauth/arc.ts";
export { authorsOf } from "./src/mailauth/authors.ts";
export { type DkimKey, readDkimKey } from "./src/mailauth/dkim_key.ts";
export { signDkim, SIGNED_HEADERS } from "./src/mailauth/dkim_sign.ts";
export { type DkimSignature, verifyDkim } from "./src/mailauth/dkim_verify.ts";
export { checkDmarc, type DmarcFinding } from "./src/mailauth/dmarc.ts";
export { checkSpf, type SpfFinding, type SpfResult } from "./src/mailauth/spf.ts";
export {
  deriveScramKeys,
  formatScramKeys,
  looksLikeScramKeys,
  newScramKeys,
  parseScramKeys,
  type ScramKeys,
} from "./src/wire/sasl/scram_keys.ts";
export { decodeXtext } from "./src/wire/xtext.ts";

// For programs that embed it.
export { serve, type ServeOptions, type Server } from "./src/server.ts";

import { main } from "./src/cli/main.ts";
import { isMainModule } from "./src/host/main_module.ts";
if (isMainModule(import.meta)) void main();

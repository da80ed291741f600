/**
 * The courier: tries one item once, over SMTP or LMTP, and says what became of each recipient.
 *
 * A rejection means an abort or a bug; whatever a peer, the network, the DNS or TLS does comes back as outcomes.
 */
import type { Hooks } from "../hooks/runner.ts";
import type { Forwarder } from "../hooks/outbound.ts";
import type { Machine } from "../host/types.ts";
import type { Logger } from "../log/types.ts";
import type { Courier } from "../queue/courier.ts";
import type { DeliverySettings } from "./settings.ts";

export interface CourierOptions {
  readonly machine: Machine;
  readonly hooks: Hooks;
  readonly log: Logger;
  /** Asked at each attempt. Give the same object as long as nothing changed. */
  readonly settings: () => DeliverySettings;
  /** A number from 0 up to 1, for the order of equal MX hosts; `Math.random` by default. */
  readonly random?: () => number;
}

export interface CourierStats {
  /** Connections open now, in use or idle. */
  readonly connections: number;
  readonly idle: number;
  /** Attempts waiting for a connection. */
  readonly waiting: number;
  /** Connections opened since the start. */
  readonly opened: number;
  /** Messages sent over a connection that had carried one before. */
  readonly reused: number;
}

export interface DeliveryRoom extends Courier, Forwarder {
  /** Says QUIT on idle connections, closes the rest, and resolves when all are gone. */
  stop(): Promise<void>;
  stats(): CourierStats;
}

export declare function createCourier(options: CourierOptions): DeliveryRoom;

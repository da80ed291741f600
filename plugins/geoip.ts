/**
 * Notes where a client is: continent, country, region, city, and how far away. Refuses nobody.
 *
 * What is known comes from MaxMind's GeoLite2 databases on this machine; nobody is asked. A client that no database knows has no results.
 */
import {
  fileShape,
  type Header,
  isGlobalUnicast,
  isIpLiteral,
  isPrivateIp,
  type Plugin,
  type ResultRecord,
  SMTP_INI,
} from "kasi";
import { geoDatabases } from "./geoip_databases.ts";

const GEOIP_INI = fileShape({
  file: "geoip.ini",
  about: "Where the databases are, and what is made of them.",
  shape: {
    main: {
      dbdir: {
        type: "text",
        default: "/usr/local/share/GeoIP",
        about:
          "The folder with GeoLite2-City.mmdb, or GeoLite2-Country.mmdb. A file that changes is read anew within a minute.",
      },
      public_ip: {
        type: "optional-text",
        about: "The address whose place is ours; else public_ip of smtp.ini, else one of this machine's own.",
      },
      calc_distance: { type: "boolean", default: false, about: "Note how far away the client is." },
      too_far: { type: "number", default: 0, min: 0, about: "Kilometres beyond which too_far is noted; 0: never." },
    },
    show: {
      city: { type: "boolean", default: true, about: "The city in the log and in the header." },
      region: { type: "boolean", default: true, about: "The region in the log and in the header." },
    },
  },
});
const CITY = "GeoLite2-City";
const COUNTRY = "GeoLite2-Country";
const EARTH_RADIUS_KM = 6371;
/** Addresses of Received fields that are looked up; more hops no mail has. */
const MOST_HOPS = 100;

interface Place {
  readonly continent?: string;
  readonly country?: string;
  readonly region?: string;
  readonly city?: string;
  /** Latitude and longitude, degrees. */
  readonly ll?: readonly [number, number];
}

export default {
  name: "geoip",
  about: "Notes where a client is, by MaxMind's databases.",
  files: [GEOIP_INI],
  async setup({ name, config, log, machine, signal }) {
    const settings = await config.ini(GEOIP_INI);
    const smtp = await config.ini(SMTP_INI);
    const databases = await geoDatabases({
      machine,
      log,
      signal,
      folder: () => settings.value.main.dbdir,
      names: [CITY, COUNTRY],
    });
    if (databases.loaded.length === 0) {
      log.warn(
        `No database in ${settings.value.main.dbdir}: wanted: ${CITY}.mmdb or ${COUNTRY}.mmdb; looked for again every minute`,
      );
    }
    settings.onChange(() => void databases.refresh());

    const placeOf = (ip: string): Place => readPlace(databases.find(ip, CITY, COUNTRY)?.record);
    const ownIp = () =>
      settings.value.main.public_ip ?? smtp.value.main.public_ip ?? machine.localAddresses().find(isGlobalUnicast);
    /** One line; "" when nothing is known. */
    const describe = (place: Place, distance: unknown): string => {
      const { show } = settings.value;
      const shown = [place.continent, place.country, show.region && place.region, show.city && place.city];
      return [...shown, typeof distance === "string" && `${distance}km`].filter(Boolean).join(", ");
    };

    return {
      connect({ session: { remote, results } }) {
        if (remote.isPrivate) return undefined;
        const place = placeOf(remote.ip);
        if (describe(place, undefined) === "") return undefined;
        const { continent, country, region, city, ll } = place;
        results.add(name, { continent, country, region, city, ll, geo: ll && { lat: ll[0], lon: ll[1] } });
        let distance: string | undefined;
        const { calc_distance, too_far } = settings.value.main;
        if (calc_distance && ll !== undefined) {
          const own = ownIp();
          const here = own === undefined ? undefined : placeOf(own).ll;
          if (here === undefined) {
            results.add(name, { err: `no place of our own address${own === undefined ? "" : ` ${own}`}` });
          } else {
            const km = kilometres(here, ll);
            distance = km.toFixed(0);
            results.add(name, { distance, ...(too_far > 0 && km > too_far && { too_far: true }) });
          }
        }
        results.add(name, { emit: true, human: describe(place, distance) });
        return undefined;
      },

      data_post({ session, message: { header } }) {
        for (const field of ["X-Haraka-GeoIP", "X-Haraka-GeoIP-Received"]) header.remove(field);
        const found: ResultRecord & Place | undefined = session.results.get(name);
        if (found?.country !== undefined) header.add("X-Haraka-GeoIP", describe(found, found["distance"]));
        const hops = [...addressesOf(header)].flatMap((ip) => {
          const { country } = placeOf(ip);
          return country === undefined ? [] : [`${ip}:${country}`];
        });
        if (hops.length > 0) header.add("X-Haraka-GeoIP-Received", hops.join(" "));
        return undefined;
      },
    };
  },
} satisfies Plugin;

/** Public addresses that the header names as hops, in its order, and the one the mail is said to have come from. */
function* addressesOf(header: Header): Generator<string> {
  const isPublic = (ip: string) => isIpLiteral(ip) && !isPrivateIp(ip);
  let hops = 0;
  hops: for (const received of header.getAll("Received")) {
    for (const [, ip] of received.matchAll(/[[(](?:IPv6:)?([\d.]{7,15}|[\da-f:.]{2,45})[\])]/gi)) {
      if (!isPublic(ip!)) continue;
      yield ip!;
      if (++hops === MOST_HOPS) break hops;
    }
  }
  const said = header.get("X-Originating-IP") ?? header.get("X-IP") ?? header.get("X-Remote-IP") ?? "";
  for (const [word] of said.replace(/IPv6:/i, "").matchAll(/[\da-f:.]{3,45}/gi)) {
    if (!isIpLiteral(word)) continue;
    if (isPublic(word)) yield word;
    return;
  }
}

/** What a record of a city or a country says; the database may say anything. */
function readPlace(record: unknown): Place {
  const at = (...path: readonly (string | number)[]) =>
    path.reduce<unknown>((value, key) => (value as Record<string | number, unknown> | null | undefined)?.[key], record);
  const text = (value: unknown) => typeof value === "string" && value !== "" && value !== "--" ? value : undefined;
  const [latitude, longitude] = [at("location", "latitude"), at("location", "longitude")];
  const found = {
    continent: text(at("continent", "code")),
    country: text(at("country", "iso_code")),
    region: text(at("subdivisions", 0, "iso_code")),
    city: text(at("city", "names", "en")),
    ll: Number.isFinite(latitude) && Number.isFinite(longitude) ? [latitude, longitude] : undefined,
  };
  return Object.fromEntries(Object.entries(found).filter(([, value]) => value !== undefined));
}

/** The great circle between two places, by the haversine formula. */
export function kilometres(from: readonly [number, number], to: readonly [number, number]): number {
  const radians = (degrees: number) => degrees * Math.PI / 180;
  const [lat1, lon1, lat2, lon2] = [...from, ...to].map(radians) as [number, number, number, number];
  const h = Math.sin((lat2 - lat1) / 2) ** 2 + Math.cos(lat1) * Math.cos(lat2) * Math.sin((lon2 - lon1) / 2) ** 2;
  return 2 * EARTH_RADIUS_KM * Math.asin(Math.min(1, Math.sqrt(h)));
}

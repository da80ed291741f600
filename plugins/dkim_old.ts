/**
 * dkim_sign.ini and dkim_verify.ini, which dkim.ini took the place of. They are read, with a notice, while a site has no dkim.ini, so
 * that what was signed goes on being signed.
 */
import { type Config, fileShape, type Logger, type Machine, type Settings } from "kasi";
import { DKIM_INI } from "./dkim_ini.ts";

const { sign, verify } = DKIM_INI.shape;
export const DKIM_SIGN_INI = fileShape({
  file: "dkim_sign.ini",
  about: "Read only where there is no dkim.ini; see its section [sign].",
  shape: {
    main: {
      disabled: { type: "boolean", default: false, about: "The opposite of enabled." },
      selector: sign.selector,
      domain: sign.domain,
      headers_to_sign: sign.headers,
    },
  },
});
export const DKIM_VERIFY_INI = fileShape({
  file: "dkim_verify.ini",
  about: "Read only where there is no dkim.ini; see its section [verify].",
  shape: { main: { allowed_time_skew: verify.allowed_time_skew, sigerror_log_level: verify.sigerror_log_level } },
});

export type DkimSettings = Settings<typeof DKIM_INI.shape>;

/** What dkim.ini says now, or what the older files did when the server started. */
export async function dkimSettings(config: Config, { host }: Machine, log: Logger): Promise<{ value: DkimSettings }> {
  const there = (file: string) => {
    try {
      return host.statSync(config.path(file)).isFile;
    } catch {
      return false;
    }
  };
  const live = await config.ini(DKIM_INI);
  const old = [DKIM_SIGN_INI.file, DKIM_VERIFY_INI.file].filter(there);
  if (old.length === 0 || there(DKIM_INI.file)) return live;
  log.notice(`${old.join(" and ")}: read because there is no dkim.ini, which has taken their place`);
  const { value } = live;
  const signing = (await config.ini(DKIM_SIGN_INI)).value.main;
  const verifying = (await config.ini(DKIM_VERIFY_INI)).value.main;
  return {
    value: {
      ...value,
      sign: {
        enabled: old.includes(DKIM_SIGN_INI.file) && !signing.disabled,
        selector: signing.selector,
        domain: signing.domain,
        headers: signing.headers_to_sign,
      },
      verify: { ...value.verify, ...verifying },
    },
  };
}

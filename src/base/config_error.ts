/**
 * The operator's slip (architecture §7): an unreadable key, an unknown setting, a value of the wrong form.
 *
 * Carries the file, the line where there is one, what stands there and what was wanted. It stops the start; `kasi check` collects
 * as many as there are.
 */
export interface ConfigFault {
  /** Path of the file, as the operator knows it. */
  readonly file: string;
  /** 1-based; absent when the whole file is at fault. */
  readonly line?: number;
  /** `[section] key`, or the name of a list's entry. */
  readonly setting?: string;
  /** What stands there now. */
  readonly current?: string;
  /** What would be right, in words: "an integer from 1 to 65535", "true or false". */
  readonly wanted: string;
  /** The nearest known name, when the name itself is unknown. */
  readonly nearest?: string;
}

export class ConfigError extends Error {
  override readonly name = "ConfigError";
  readonly fault: ConfigFault;
  constructor(fault: ConfigFault, options?: ErrorOptions) {
    super(describeFault(fault), options);
    this.fault = fault;
  }
}

/** One line: `config/smtp.ini:12: [main] listen: current value is "x"; wanted: a port (did you mean "y"?)`. */
export function describeFault(fault: ConfigFault): string {
  const where = fault.line === undefined ? fault.file : `${fault.file}:${fault.line}`;
  const what = fault.setting === undefined ? "" : ` ${fault.setting}:`;
  const current = fault.current === undefined ? "" : ` current value is ${JSON.stringify(fault.current)};`;
  const nearest = fault.nearest === undefined ? "" : ` (did you mean ${JSON.stringify(fault.nearest)}?)`;
  return `${where}:${what}${current} wanted: ${fault.wanted}${nearest}`;
}

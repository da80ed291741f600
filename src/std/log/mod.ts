/**
 * Stand-in for `@std/log` 0.224: the same names and signatures for what we use (architecture §9), our own code.
 *
 * Not here: the file handlers.
 */
export { BaseHandler, type BaseHandlerOptions, type FormatterFunction } from "./base_handler.ts";
export { ConsoleHandler, type ConsoleHandlerOptions } from "./console_handler.ts";
export { formatters, jsonFormatter } from "./formatters.ts";
export { getLevelByName, getLevelName, type LevelName, type LogLevel, LogLevelNames, LogLevels } from "./levels.ts";
export { type GenericFunction, Logger, type LoggerOptions, LogRecord, type LogRecordOptions } from "./logger.ts";
export { critical, debug, error, getLogger, info, type LogConfig, type LoggerConfig, setup, warn } from "./setup.ts";

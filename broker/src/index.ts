/** @kouplet/broker: the embedded MQTT broker, and the one port to it and to an external one. */
export { AedesTunnel, type AedesTunnelOptions } from './aedes-tunnel.ts';
export { type Broker, type BrokerCounts, type BrokerOptions, startBroker } from './broker.ts';
export { BrokerError, type BrokerErrorCode } from './errors.ts';
export { type BrokerTls, isLoopback } from './front-door.ts';
export { type BrokerLimits, defaultLimits } from './limits.ts';
export type { Log } from './log.ts';
export { MqttTunnel, type MqttTunnelOptions } from './mqtt-tunnel.ts';
export { hashPassword } from './password.ts';
export type { SendOutcome, SessionCloseCause, Tunnel, TunnelEvent, TunnelMessage } from './tunnel.ts';
export { readUsers, type User, type Users } from './users.ts';

/** A certificate for a server that nobody checks by its issuer, as kubelets make one for themselves. */
import { systemClock } from '../clock.ts';
import type { KeyAndCertificate } from './certificate.ts';

/** @param names host names and addresses that it is called by; its authority is known to nobody and forgotten at once */
export async function ownCertificate(names: readonly string[]): Promise<KeyAndCertificate> {
  const { newAuthority, serverCertificate } = await import('./certificate.ts');
  // In real time: it is others who look at it.
  const now = systemClock.now();
  return serverCertificate(await newAuthority(now), names, now);
}

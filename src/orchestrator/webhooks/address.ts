// Where no webhook goes unless it is named by its number: link-local addresses, and those where clouds keep a machine's
// credentials. The URL comes from the fleet's own config, so this is no wall against tenants; it catches the name that
// resolves to such an address, by mistake or because somebody else owns its DNS. Private networks stay reachable: that is
// where the receivers of most fleets are.
import { lookup as dnsLookup, type LookupAddress, type LookupOptions } from "node:dns";
import { BlockList, isIP } from "node:net";

const closed = new BlockList();
closed.addSubnet("169.254.0.0", 16);
closed.addSubnet("fe80::", 10, "ipv6");
// Metadata outside the link-local ranges: of Alibaba Cloud, of Azure's host, and of AWS over IPv6.
closed.addAddress("100.100.100.200");
closed.addAddress("168.63.129.16");
closed.addAddress("fd00:ec2::254", "ipv6");

export function isClosedAddress(address: string): boolean {
  const family = isIP(address);
  // An IPv4 address in IPv6 clothes is found too.
  return family !== 0 && closed.check(address, family === 4 ? "ipv4" : "ipv6");
}

type Found = (error: NodeJS.ErrnoException | null, address: string | LookupAddress[], family?: number) => void;

/** For sockets: asked once for each connection, so that what was checked is what is connected to. */
export function lookupOpen(host: string, o: LookupOptions, found: Found): void {
  dnsLookup(host, o, (error: NodeJS.ErrnoException | null, address: string | LookupAddress[], family?: number) => {
    const addresses = typeof address === "string" ? [address] : (address ?? []).map((a) => a.address);
    const bad = error ? undefined : addresses.find(isClosedAddress);
    if (bad === undefined) found(error, address, family);
    else
      found(
        Object.assign(new Error("closed address"), { code: `${host} resolves to ${bad}, which is link-local or metadata` }),
        [],
      );
  });
}

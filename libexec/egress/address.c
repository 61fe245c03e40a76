/* SPDX-License-Identifier: Apache-2.0 */
/* Which addresses only this host can reach. */
#include <arpa/inet.h>
#include <ifaddrs.h>
#include <netinet/in.h>

#include "egress/egress.h"

struct v4_range {
	uint32_t base;
	unsigned bits;
	enum trb_address_kind kind;
};
#define V4(a, b, c, d) ((uint32_t)(a) << 24 | (b) << 16 | (c) << 8 | (d))

/* IANA's registry of special-purpose addresses, what is not globally reachable. */
static const struct v4_range v4_ranges[] = {
	{ V4(0, 0, 0, 0), 8, TRB_ADDRESS_RESERVED },
	{ V4(10, 0, 0, 0), 8, TRB_ADDRESS_PRIVATE },
	{ V4(100, 64, 0, 0), 10, TRB_ADDRESS_PRIVATE },
	{ V4(127, 0, 0, 0), 8, TRB_ADDRESS_PRIVATE },
	{ V4(169, 254, 0, 0), 16, TRB_ADDRESS_LINK },
	{ V4(172, 16, 0, 0), 12, TRB_ADDRESS_PRIVATE },
	{ V4(192, 0, 0, 0), 24, TRB_ADDRESS_RESERVED },
	{ V4(192, 0, 2, 0), 24, TRB_ADDRESS_RESERVED },
	{ V4(192, 88, 99, 0), 24, TRB_ADDRESS_RESERVED },
	{ V4(192, 168, 0, 0), 16, TRB_ADDRESS_PRIVATE },
	{ V4(198, 18, 0, 0), 15, TRB_ADDRESS_PRIVATE },
	{ V4(198, 51, 100, 0), 24, TRB_ADDRESS_RESERVED },
	{ V4(203, 0, 113, 0), 24, TRB_ADDRESS_RESERVED },
	{ V4(224, 0, 0, 0), 4, TRB_ADDRESS_RESERVED },
	{ V4(240, 0, 0, 0), 4, TRB_ADDRESS_RESERVED },
};

struct v6_range {
	uint8_t base[16];
	unsigned bits;
	enum trb_address_kind kind;
};
/* The first match counts. */
static const struct v6_range v6_ranges[] = {
	{ { [15] = 1 }, 128, TRB_ADDRESS_PRIVATE },
	{ { 0xfc }, 7, TRB_ADDRESS_PRIVATE },
	{ { 0xfe, 0x80 }, 10, TRB_ADDRESS_LINK },
	{ { 0xfe, 0xc0 }, 10, TRB_ADDRESS_PRIVATE },
	{ { 0x20, 0x01, 0x0d, 0xb8 }, 32, TRB_ADDRESS_RESERVED },
	{ { 0x20, 0x01 }, 23, TRB_ADDRESS_RESERVED }, /* Teredo, ORCHID, benchmarks */
	{ { 0x20, 0x02 }, 16, TRB_ADDRESS_RESERVED }, /* 6to4 */
	{ { 0x3f, 0xff }, 20, TRB_ADDRESS_RESERVED },
	{ { 0x20 }, 3, TRB_ADDRESS_PUBLIC }, /* all that is given out */
};
static const uint8_t nat64[12] = { 0x00, 0x64, 0xff, 0x9b };

static enum trb_address_kind v4_kind(uint32_t address)
{
	for (size_t i = 0; i < sizeof(v4_ranges) / sizeof(v4_ranges[0]); i++)
		if ((address ^ v4_ranges[i].base) >> (32 - v4_ranges[i].bits) == 0)
			return v4_ranges[i].kind;
	return TRB_ADDRESS_PUBLIC;
}

static bool has_prefix(const uint8_t *address, const uint8_t *base, unsigned bits)
{
	unsigned whole = bits / 8, rest = bits % 8;

	return memcmp(address, base, whole) == 0 &&
	       (rest == 0 || (address[whole] ^ base[whole]) >> (8 - rest) == 0);
}

static enum trb_address_kind v6_kind(const uint8_t address[16])
{
	uint32_t embedded;

	memcpy(&embedded, address + 12, 4);
	if (memcmp(address, nat64, sizeof(nat64)) == 0)
		return v4_kind(ntohl(embedded));
	for (size_t i = 0; i < sizeof(v6_ranges) / sizeof(v6_ranges[0]); i++)
		if (has_prefix(address, v6_ranges[i].base, v6_ranges[i].bits))
			return v6_ranges[i].kind;
	return TRB_ADDRESS_RESERVED; /* with v4-mapped and v4-compatible ones */
}

static bool same_address(const struct sockaddr *a, const struct sockaddr *b)
{
	if (a->sa_family != b->sa_family)
		return false;
	if (a->sa_family == AF_INET)
		return ((const struct sockaddr_in *)(const void *)a)->sin_addr.s_addr ==
		       ((const struct sockaddr_in *)(const void *)b)->sin_addr.s_addr;
	if (a->sa_family == AF_INET6)
		return memcmp(&((const struct sockaddr_in6 *)(const void *)a)->sin6_addr,
			      &((const struct sockaddr_in6 *)(const void *)b)->sin6_addr, 16) == 0;
	return false;
}

/* A service of this host's that listens on every address is reached on its public one, too. */
static bool own_address(const struct sockaddr *address)
{
	struct ifaddrs *all = NULL;
	bool own = false;

	if (getifaddrs(&all) < 0)
		return true;
	for (const struct ifaddrs *i = all; i != NULL && !own; i = i->ifa_next)
		own = i->ifa_addr != NULL && same_address(i->ifa_addr, address);
	freeifaddrs(all);
	return own;
}

enum trb_address_kind trb_address_kind(const struct sockaddr *address)
{
	enum trb_address_kind kind = TRB_ADDRESS_RESERVED;

	if (address->sa_family == AF_INET)
		kind = v4_kind(ntohl(
			((const struct sockaddr_in *)(const void *)address)->sin_addr.s_addr));
	else if (address->sa_family == AF_INET6)
		kind = v6_kind(
			((const struct sockaddr_in6 *)(const void *)address)->sin6_addr.s6_addr);
	return kind == TRB_ADDRESS_PUBLIC && own_address(address) ? TRB_ADDRESS_PRIVATE : kind;
}

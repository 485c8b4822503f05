//! Which addresses a connection may go to.
//!
//! | kind | IPv4 | IPv6 |
//! |---|---|---|
//! | loopback | 127/8 | ::1 |
//! | private | 10/8, 172.16/12, 192.168/16, 100.64/10, 168.63.129.16 | fc00::/7 |
//! | link-local | 169.254/16 | fe80::/10 |
//! | tunnelled | | ::/96, 2001::/32, 2002::/16, 64:ff9b:1::/48 |
//! | reserved | 0/8, 192.0.0/24, 192.88.99/24, 198.18/15, the documentation networks, 224/4, 240/4 | all else outside 2000::/3; 2001::/23, 2001:db8::/32, 3ffe::/16, 3fff::/20 |
//! | public | all others | all others in 2000::/3 |
//!
//! An IPv4 address written as IPv6 (`::ffff:10.0.0.1`) is that IPv4 address. One behind the well-known NAT64 prefix
//! (`64:ff9b::/96`) is judged as the IPv4 address inside it. The other networks with an IPv4 address inside may lead
//! anywhere, so they are never public and no listed network covers them.
//!
//! The registries behind this are IANA's special-purpose address registries (RFC 6890 and its successors). 168.63.129.16 is
//! public by number, and a cloud platform's own service by use.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

use serde::Deserialize;

use crate::claim::OneOrMany;

/// What an entry says about addresses.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(try_from = "OneOrMany")]
pub(super) enum Addresses {
    /// Absent, or `public`.
    #[default]
    Public,
    /// `any`.
    Any,
    /// What is on a list, and nothing else.
    Listed {
        /// Whether `public` is on it.
        public: bool,
        /// The networks on it.
        networks: Vec<Network>,
    },
}

/// What an address is for, by its number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Public,
    Loopback,
    Private,
    LinkLocal,
    Tunnelled,
    Reserved,
}

/// Addresses that share their first bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Network {
    address: IpAddr,
    length: u8,
}

impl Addresses {
    /// Whether a connection may go to the address.
    pub(super) fn permit(&self, address: IpAddr) -> bool {
        let is_public = || Kind::of(address) == Kind::Public;
        match self {
            Self::Any => true,
            Self::Public => is_public(),
            Self::Listed { public, networks } => {
                (*public && is_public()) || networks.iter().any(|network| network.covers(address))
            }
        }
    }
}

impl Addresses {
    /// Whether every address that `other` permits is certainly permitted here.
    pub(super) fn cover(&self, other: &Self) -> bool {
        let permits_public = |addresses: &Self| match addresses {
            Self::Any | Self::Public => true,
            Self::Listed { public, .. } => *public,
        };
        match (self, other) {
            (Self::Any, _) => true,
            (_, Self::Any) => false,
            (_, Self::Public) => permits_public(self),
            (_, Self::Listed { public, networks: others }) => {
                let own: &[Network] = if let Self::Listed { networks, .. } = self { networks } else { &[] };
                let listed = others.iter().all(|other| own.iter().any(|network| network.includes(other)));
                listed && (!public || permits_public(self))
            }
        }
    }
}

impl Kind {
    /// What the address is for.
    pub(super) fn of(address: IpAddr) -> Self {
        match judged(address) {
            IpAddr::V4(address) => Self::of_v4(address),
            IpAddr::V6(address) => Self::of_v6(address),
        }
    }

    fn of_v4(address: Ipv4Addr) -> Self {
        match address.octets() {
            [127, ..] => Self::Loopback,
            [10, ..] | [172, 16..=31, ..] | [192, 168, ..] | [100, 64..=127, ..] | [168, 63, 129, 16] => Self::Private,
            [169, 254, ..] => Self::LinkLocal,
            [0, ..] | [192, 0, 0 | 2, _] | [192, 88, 99, _] | [198, 18 | 19, ..] => Self::Reserved,
            [198, 51, 100, _] | [203, 0, 113, _] | [224..=255, ..] => Self::Reserved,
            _ => Self::Public,
        }
    }

    fn of_v6(address: Ipv6Addr) -> Self {
        match address.segments() {
            [0, 0, 0, 0, 0, 0, 0, 0] => Self::Reserved,
            [0, 0, 0, 0, 0, 0, 0, 1] => Self::Loopback,
            [0, 0, 0, 0, 0, 0, ..] | [0x2002, ..] | [0x2001, 0, ..] | [0x64, 0xff9b, 1, ..] => Self::Tunnelled,
            [0xfc00..=0xfdff, ..] => Self::Private,
            [0xfe80..=0xfebf, ..] => Self::LinkLocal,
            [0x2001, 0x0001..=0x01ff | 0x0db8, ..] | [0x3ffe, ..] | [0x3fff, ..=0x0fff, ..] => Self::Reserved,
            [0x2000..=0x3fff, ..] => Self::Public,
            _ => Self::Reserved,
        }
    }
}

/// The address that a connection really goes to: an IPv4 address written as IPv6 is IPv4.
pub(super) fn canonical(address: IpAddr) -> IpAddr {
    address.to_canonical()
}

/// The address that decides, where another one is inside.
fn judged(address: IpAddr) -> IpAddr {
    let address = canonical(address);
    let IpAddr::V6(v6) = address else { return address };
    match v6.octets() {
        [0, 0x64, 0xff, 0x9b, 0, 0, 0, 0, 0, 0, 0, 0, a, b, c, d] => Ipv4Addr::new(a, b, c, d).into(),
        _ => address,
    }
}

impl Network {
    /// Whether it has every address of `other`. Networks are written with the first of their addresses.
    fn includes(&self, other: &Self) -> bool {
        self.length <= other.length
            && match (self.address, other.address) {
                (IpAddr::V4(own), IpAddr::V4(other)) => v4_bits(other, self.length) == own.to_bits(),
                (IpAddr::V6(own), IpAddr::V6(other)) => v6_bits(other, self.length) == own.to_bits(),
                _ => false,
            }
    }

    fn covers(&self, address: IpAddr) -> bool {
        match (self.address, judged(address)) {
            (IpAddr::V4(own), IpAddr::V4(other)) => v4_bits(own, self.length) == v4_bits(other, self.length),
            (IpAddr::V6(own), IpAddr::V6(other)) => {
                Kind::of_v6(other) != Kind::Tunnelled && v6_bits(own, self.length) == v6_bits(other, self.length)
            }
            _ => false,
        }
    }
}

/// The first `length` bits, the others cleared.
fn v4_bits(address: Ipv4Addr, length: u8) -> u32 {
    let mask = u32::MAX.checked_shl(32_u32.saturating_sub(length.into())).unwrap_or(0);
    address.to_bits() & mask
}

fn v6_bits(address: Ipv6Addr, length: u8) -> u128 {
    let mask = u128::MAX.checked_shl(128_u32.saturating_sub(length.into())).unwrap_or(0);
    address.to_bits() & mask
}

impl FromStr for Network {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let shown: String = text.chars().take(80).collect();
        let expected = || format!("`{shown}`: expected an address or a network, such as `10.0.0.0/8` or `fd00::/8`");
        let (address, length) = text.split_once('/').map_or((text, None), |(address, length)| (address, Some(length)));
        let address: IpAddr = address.parse().map_err(|_| expected())?;
        let most = if address.is_ipv4() { 32 } else { 128 };
        let length = match length {
            None => most,
            Some(digits) if digits.bytes().all(|b| b.is_ascii_digit()) => digits.parse().map_err(|_| expected())?,
            Some(_) => return Err(expected()),
        };
        if length > most {
            return Err(expected());
        }
        if judged(address) != address || Kind::of(address) == Kind::Tunnelled {
            return Err(format!("`{shown}`: write the IPv4 network that is inside it"));
        }
        let is_start = match address {
            IpAddr::V4(v4) => v4_bits(v4, length) == v4.to_bits(),
            IpAddr::V6(v6) => v6_bits(v6, length) == v6.to_bits(),
        };
        match is_start {
            true => Ok(Self { address, length }),
            false => Err(format!("`{shown}`: a network is written with its first address")),
        }
    }
}

impl TryFrom<OneOrMany> for Addresses {
    type Error = String;

    fn try_from(written: OneOrMany) -> Result<Self, String> {
        let texts = match written {
            OneOrMany::One(text) if text == ANY => return Ok(Self::Any),
            OneOrMany::One(text) => vec![text],
            OneOrMany::Many(texts) if texts.is_empty() => {
                return Err("`addresses` names none; leave it out for the public ones".to_owned());
            }
            OneOrMany::Many(texts) => texts,
        };
        if texts.iter().any(|text| text == ANY) {
            return Err("`any` stands alone, as `addresses: any`".to_owned());
        }
        let public = texts.iter().any(|text| text == PUBLIC);
        let networks =
            texts.iter().filter(|text| *text != PUBLIC).map(|text| text.parse()).collect::<Result<_, _>>()?;
        Ok(Self::Listed { public, networks })
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Public => "public",
            Self::Loopback => "loopback",
            Self::Private => "private",
            Self::LinkLocal => "link-local",
            Self::Tunnelled => "tunnelled",
            Self::Reserved => "reserved",
        })
    }
}

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.address, self.length)
    }
}

impl fmt::Display for Addresses {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Public => f.write_str("public ones"),
            Self::Any => f.write_str("any"),
            Self::Listed { public, networks } => {
                let public = public.then(|| PUBLIC.to_owned());
                let all: Vec<_> = public.into_iter().chain(networks.iter().map(ToString::to_string)).collect();
                f.write_str(&all.join(", "))
            }
        }
    }
}

const ANY: &str = "any";
const PUBLIC: &str = "public";

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use proptest::prelude::*;
    use serde_json::{Value, json};

    use super::*;

    /// Everything that is not public, as the registries write it.
    const SPECIAL: &[&str] = &[
        "0.0.0.0/8",
        "10.0.0.0/8",
        "100.64.0.0/10",
        "127.0.0.0/8",
        "169.254.0.0/16",
        "172.16.0.0/12",
        "192.0.0.0/24",
        "192.0.2.0/24",
        "192.88.99.0/24",
        "192.168.0.0/16",
        "198.18.0.0/15",
        "198.51.100.0/24",
        "203.0.113.0/24",
        "224.0.0.0/4",
        "240.0.0.0/4",
        "168.63.129.16/32",
        "::/3",
        "4000::/2",
        "8000::/1",
        "2001::/23",
        "2001:db8::/32",
        "2002::/16",
        "3ffe::/16",
        "3fff::/20",
    ];

    /// Bit by bit, without any of the code above.
    fn naively_public(address: IpAddr) -> bool {
        let bits = |address: &IpAddr| -> String {
            match address {
                IpAddr::V4(v4) => v4.octets().iter().map(|byte| format!("{byte:08b}")).collect(),
                IpAddr::V6(v6) => v6.octets().iter().map(|byte| format!("{byte:08b}")).collect(),
            }
        };
        let mut text = bits(&address);
        let (zeros, ones) = ("0".repeat(80), "1".repeat(16));
        let nat64 = format!("{:016b}{:016b}{}", 0x64, 0xff9b, "0".repeat(64));
        for inside in [format!("{zeros}{ones}"), nat64] {
            if let Some(v4) = text.strip_prefix(&inside).filter(|v4| v4.len() == 32) {
                text = v4.to_owned();
            }
        }
        !SPECIAL.iter().any(|network| {
            let (start, length) = network.split_once('/').unwrap();
            let start = bits(&start.parse().unwrap());
            start.len() == text.len() && text.starts_with(start.get(..length.parse::<usize>().unwrap()).unwrap())
        })
    }

    #[track_caller]
    fn agrees(address: IpAddr) {
        assert_eq!(Kind::of(address) == Kind::Public, naively_public(address), "{address}");
        assert_eq!(Addresses::Public.permit(address), naively_public(address), "{address}");
    }

    fn near_the_edges() -> impl Strategy<Value = IpAddr> {
        let v4 = any::<u32>().prop_map(|bits| IpAddr::from(Ipv4Addr::from_bits(bits)));
        let v6 = any::<u128>().prop_map(|bits| IpAddr::from(Ipv6Addr::from_bits(bits)));
        let within =
            (proptest::sample::select(SPECIAL), any::<u128>(), -2_i128..3).prop_map(|(network, noise, off)| {
                let (start, length) = network.split_once('/').unwrap();
                let length: u32 = length.parse().unwrap();
                match start.parse().unwrap() {
                    IpAddr::V4(start) => {
                        let noise = u32::try_from(noise & 0xffff_ffff).unwrap().checked_shr(length).unwrap_or(0);
                        let near = (start.to_bits() | noise).wrapping_add(u32::try_from(off & 0xffff_ffff).unwrap());
                        IpAddr::from(Ipv4Addr::from_bits(near))
                    }
                    IpAddr::V6(start) => {
                        let noise = noise.checked_shr(length).unwrap_or(0);
                        IpAddr::from(Ipv6Addr::from_bits((start.to_bits() | noise).wrapping_add(off.cast_unsigned())))
                    }
                }
            });
        let inside = (any::<u32>(), 0..5_u8).prop_map(|(bits, how)| {
            let v4 = u128::from(bits);
            let prefix: u128 = match how {
                0 => 0xffff << 32,
                1 => 0x0064_ff9b << 96,
                2 => 0x0064_ff9b_0001 << 80,
                3 => return IpAddr::from(Ipv6Addr::from_bits((0x2002 << 112) | (v4 << 80))),
                _ => 0,
            };
            IpAddr::from(Ipv6Addr::from_bits(prefix | v4))
        });
        prop_oneof![v4, v6, within, inside]
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(20_000))]
        #[test]
        fn a_naive_table_agrees(address in near_the_edges()) {
            agrees(address);
        }

        #[test]
        fn an_address_is_judged_alike_in_every_spelling(bits in any::<u32>()) {
            let v4 = Ipv4Addr::from_bits(bits);
            let nat64 = Ipv6Addr::from_bits((0x0064_ff9b_u128 << 96) | u128::from(bits));
            let listed = Addresses::Listed { public: false, networks: vec!["10.0.0.0/8".parse().unwrap()] };
            for addresses in [Addresses::Public, Addresses::Any, listed] {
                for spelling in [IpAddr::from(v4.to_ipv6_mapped()), nat64.into()] {
                    prop_assert_eq!(addresses.permit(v4.into()), addresses.permit(spelling));
                }
            }
        }
    }

    #[test]
    fn the_edges_of_every_network() {
        for network in SPECIAL {
            let network: String = (*network).to_owned();
            let (start, length) = network.split_once('/').unwrap();
            let length: u32 = length.parse().unwrap();
            match start.parse().unwrap() {
                IpAddr::V4(start) => {
                    let last = start.to_bits() | u32::MAX.checked_shr(length).unwrap_or(0);
                    for bits in [start.to_bits().wrapping_sub(1), start.to_bits(), last, last.wrapping_add(1)] {
                        agrees(Ipv4Addr::from_bits(bits).into());
                    }
                }
                IpAddr::V6(start) => {
                    let last = start.to_bits() | u128::MAX.checked_shr(length).unwrap_or(0);
                    for bits in [start.to_bits().wrapping_sub(1), start.to_bits(), last, last.wrapping_add(1)] {
                        agrees(Ipv6Addr::from_bits(bits).into());
                    }
                }
            }
        }
    }

    #[track_caller]
    fn kind(address: &str, expected: Kind) {
        assert_eq!(Kind::of(address.parse().unwrap()), expected, "{address}");
    }

    #[test]
    fn kinds() {
        kind("93.184.216.34", Kind::Public);
        kind("2606:2800:220:1::1", Kind::Public);
        kind("64:ff9b::5db8:d822", Kind::Public);
        kind("::ffff:169.254.169.254", Kind::LinkLocal);
        kind("64:ff9b::7f00:1", Kind::Loopback);
        kind("64:ff9b:1::808:808", Kind::Tunnelled);
        kind("2002:808:808::1", Kind::Tunnelled);
        kind("2001::1", Kind::Tunnelled);
        kind("::8.8.8.8", Kind::Tunnelled);
        kind("fd00:ec2::254", Kind::Private);
        kind("100.100.100.200", Kind::Private);
        kind("fec0::1", Kind::Reserved);
        kind("::ffff:0:8.8.8.8", Kind::Reserved);
    }

    #[track_caller]
    fn permit(written: Value, yes: &[&str], no: &[&str]) {
        let addresses = Addresses::deserialize(&written).unwrap();
        for (texts, expected) in [(yes, true), (no, false)] {
            for text in texts {
                assert_eq!(addresses.permit(text.parse().unwrap()), expected, "{written} {text}");
            }
        }
    }

    #[test]
    fn claims_about_addresses() {
        permit(json!("public"), &["8.8.8.8", "2606::1"], &["10.0.0.1", "::1"]);
        permit(json!("any"), &["8.8.8.8", "10.0.0.1", "::1", "2002::1"], &[]);
        permit(json!("10.0.0.0/8"), &["10.0.0.1", "::ffff:10.9.9.9", "64:ff9b::a00:1"], &["8.8.8.8", "11.0.0.0"]);
        permit(json!(["public", "127.0.0.1"]), &["8.8.8.8", "127.0.0.1"], &["127.0.0.2", "::1"]);
        permit(json!(["fd00::/8", "::1"]), &["fd12::1", "::1"], &["fc00::1", "8.8.8.8", "::2"]);
        permit(json!(["::/0"]), &["fd12::1", "2606::1"], &["2002:a00:1::", "::10.0.0.1", "64:ff9b::a00:1", "10.0.0.1"]);
        permit(json!(["0.0.0.0/0"]), &["10.0.0.1", "64:ff9b::a00:1", "0.0.0.0"], &["::1", "2606::1"]);
    }

    #[test]
    fn what_is_no_claim_about_addresses() {
        let bad = [
            "",
            "private",
            "10.0.0.0/33",
            "10.0.0.1/8",
            "::1/200",
            "10.0.0.0/",
            "10.0.0.0/+8",
            "010.0.0.0/8",
            "10/8",
            "::ffff:10.0.0.0/104",
            "64:ff9b::/96",
            "2002::/16",
            "2001::/32",
            "fe80::1%eth0",
            "localhost",
        ];
        for text in bad {
            assert!(Addresses::deserialize(&json!(text)).is_err(), "{text}");
        }
        for written in [json!([]), json!(["any"]), json!(["any", "10.0.0.0/8"]), json!(null), json!(7), json!({})] {
            assert!(Addresses::deserialize(&written).is_err(), "{written}");
        }
    }
}

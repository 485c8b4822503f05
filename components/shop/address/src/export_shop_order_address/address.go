// Package export_shop_order_address checks where a parcel can go.
package export_shop_order_address

import (
	"strings"

	. "wit_component/shop_order_address"
	"wit_component/wasi_config_store"
	"wit_component/wasi_logging_logging"

	"go.bytecodealliance.org/pkg/wit/types"
)

// What a postcode looks like: 9 stands for a digit, A for a letter.
var postcodes = map[string][]string{
	"AT": {"9999"},
	"CH": {"9999"},
	"DE": {"99999"},
	"FR": {"99999"},
	"GB": {"A9 9AA", "A99 9AA", "AA9 9AA", "AA99 9AA", "A9A 9AA", "AA9A 9AA"},
	"IT": {"99999"},
}

// Check finds every fault; where there is none, it puts right what it can.
func Check(address Address) wit_types.Result[Verdict, []Fault] {
	tidied, changes := tidy(address)
	if faults := faults(tidied); len(faults) > 0 {
		log(wasi_logging_logging.LevelInfo, "an address with faults")
		return wit_types.Err[Verdict, []Fault](faults)
	}
	if len(changes) == 0 {
		return wit_types.Ok[Verdict, []Fault](MakeVerdictGood(tidied))
	}
	log(wasi_logging_logging.LevelInfo, "corrected: "+strings.Join(changes, ", "))
	corrected := wit_types.Tuple2[Address, []string]{F0: tidied, F1: changes}
	return wit_types.Ok[Verdict, []Fault](MakeVerdictCorrected(corrected))
}

func tidy(address Address) (Address, []string) {
	changes := []string{}
	put := func(what string, field *string, better string) {
		if *field != better {
			*field = better
			changes = append(changes, what)
		}
	}
	put("name", &address.Name, spaced(address.Name))
	put("street", &address.Street, spaced(address.Street))
	put("postcode", &address.Postcode, strings.ToUpper(spaced(address.Postcode)))
	put("country", &address.Country, strings.ToUpper(strings.TrimSpace(address.Country)))
	if city := address.City.SomeOr(""); address.City.IsSome() {
		put("city", &city, spaced(city))
		address.City = wit_types.Some(city)
	}
	return address, changes
}

func spaced(text string) string {
	return strings.Join(strings.Fields(text), " ")
}

func faults(address Address) []Fault {
	faults := []Fault{}
	fields := []struct{ what, text string }{
		{"name", address.Name}, {"street", address.Street}, {"postcode", address.Postcode}, {"country", address.Country},
	}
	for _, field := range fields {
		if field.text == "" {
			faults = append(faults, MakeFaultMissing(field.what))
		}
	}
	shapes, known := postcodes[address.Country]
	switch {
	case address.Country == "":
	case !known || !served(address.Country):
		faults = append(faults, MakeFaultUnknownCountry(address.Country))
	case address.Postcode != "" && !anyFits(address.Postcode, shapes):
		wrong := wit_types.Tuple2[string, string]{F0: address.Postcode, F1: strings.Join(shapes, " or ")}
		faults = append(faults, MakeFaultMalformedPostcode(wrong))
	}
	return faults
}

// The setting `countries` names those that are delivered to; without it, all that are known are.
func served(country string) bool {
	setting := wasi_config_store.Get("countries")
	if setting.IsErr() || setting.Ok().IsNone() {
		return true
	}
	for _, served := range strings.Fields(setting.Ok().Some()) {
		if served == country {
			return true
		}
	}
	return false
}

func anyFits(text string, shapes []string) bool {
	for _, shape := range shapes {
		if fits(text, shape) {
			return true
		}
	}
	return false
}

func fits(text, shape string) bool {
	if len(text) != len(shape) {
		return false
	}
	for i := range len(text) {
		is := text[i]
		switch shape[i] {
		case '9':
			if is < '0' || is > '9' {
				return false
			}
		case 'A':
			if is < 'A' || is > 'Z' {
				return false
			}
		default:
			if is != shape[i] {
				return false
			}
		}
	}
	return true
}

func log(level wasi_logging_logging.Level, message string) {
	wasi_logging_logging.Log(level, "address", message)
}

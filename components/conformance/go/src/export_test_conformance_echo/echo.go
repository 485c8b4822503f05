// Package export_test_conformance_echo takes every kind of type through Go.
package export_test_conformance_echo

import (
	next "wit_component/test_conformance_echo"
	"wit_component/wasi_logging_logging"

	"go.bytecodealliance.org/pkg/wit/types"
)

// through gives the value on, or back.
func through[T any](name string, forward bool, value T, on func(bool, T) T) T {
	say(name)
	if forward {
		return on(false, value)
	}
	return value
}

func say(name string) {
	wasi_logging_logging.Log(wasi_logging_logging.LevelDebug, "go", name)
}

func EchoIntegers(forward bool, value next.Integers) next.Integers {
	return through("EchoIntegers", forward, value, next.EchoIntegers)
}

func EchoOthers(forward bool, value next.Others) next.Others {
	return through("EchoOthers", forward, value, next.EchoOthers)
}

func EchoText(forward bool, value string) string {
	return through("EchoText", forward, value, next.EchoText)
}

func EchoBytes(forward bool, value []uint8) []uint8 {
	return through("EchoBytes", forward, value, next.EchoBytes)
}

func EchoNumbers(forward bool, value []uint64) []uint64 {
	return through("EchoNumbers", forward, value, next.EchoNumbers)
}

func EchoSeason(forward bool, value next.Season) next.Season {
	return through("EchoSeason", forward, value, next.EchoSeason)
}

func EchoRights(forward bool, value next.Rights) next.Rights {
	return through("EchoRights", forward, value, next.EchoRights)
}

func EchoShape(forward bool, value next.Shape) next.Shape {
	return through("EchoShape", forward, value, next.EchoShape)
}

func EchoMaybe(forward bool, value wit_types.Option[uint32]) wit_types.Option[uint32] {
	return through("EchoMaybe", forward, value, next.EchoMaybe)
}

func EchoOutcome(forward bool, value wit_types.Result[uint64, string]) wit_types.Result[uint64, string] {
	return through("EchoOutcome", forward, value, next.EchoOutcome)
}

func EchoPair(forward bool, value wit_types.Tuple3[string, int64, rune]) (string, int64, rune) {
	say("EchoPair")
	if forward {
		return next.EchoPair(false, value)
	}
	return value.F0, value.F1, value.F2
}

func EchoNested(forward bool, value []next.Nested) []next.Nested {
	return through("EchoNested", forward, value, next.EchoNested)
}

// Package export_local_component_greeter is what other components call: the interface `greeter` of wit/world.wit. What is
// said is in the package greeting.
//
// The packages that are imported here are made of wit/: `writ build` puts them into build/parts/bindings/.
package export_local_component_greeter

import (
	"wit_component/greeting"
	. "wit_component/local_component_greeter"
	"wit_component/wasi_logging_logging"

	"go.bytecodealliance.org/pkg/wit/types"
)

// Greet answers a name with a greeting.
func Greet(name string) wit_types.Result[string, Refusal] {
	wasi_logging_logging.Log(wasi_logging_logging.LevelInfo, "greeter", "somebody is greeted")
	letters := greeting.Letters(name)
	switch {
	case letters == 0:
		return wit_types.Err[string, Refusal](MakeRefusalNobody())
	case letters > greeting.Most:
		return wit_types.Err[string, Refusal](MakeRefusalTooLong(uint32(letters)))
	default:
		return wit_types.Ok[string, Refusal](greeting.Of(name))
	}
}

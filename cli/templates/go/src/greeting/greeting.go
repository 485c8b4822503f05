// Package greeting knows who is greeted, and how.
package greeting

import "unicode/utf8"

// Most is the most letters of a name.
const Most = 64

// Letters counts those of a name.
func Letters(name string) int {
	return utf8.RuneCountInString(name)
}

// Of greets a name.
func Of(name string) string {
	return "Hello, " + name + "!"
}

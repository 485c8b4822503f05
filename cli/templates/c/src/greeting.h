// Who is greeted, and how.

#ifndef GREETING_H
#define GREETING_H

#include <stddef.h>
#include <stdint.h>

// The most letters of a name.
#define MOST 64

// How many letters a name has: the bytes of UTF-8 that begin one.
size_t letters_of(const uint8_t *name, size_t length);

// Writes the greeting of a name of at most MOST letters; its length. The text has room for GREETING_SIZE bytes.
size_t greeting(const uint8_t *name, size_t length, char *text);

#define GREETING_SIZE (4 * MOST + 16)

#endif

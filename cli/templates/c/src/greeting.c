#include "greeting.h"

#include <string.h>

size_t letters_of(const uint8_t *name, size_t length) {
  size_t letters = 0;
  for (size_t i = 0; i < length; i++) {
    letters += (name[i] & 0xC0) != 0x80;
  }
  return letters;
}

static size_t append(char *text, size_t at, const void *more, size_t length) {
  memcpy(text + at, more, length);
  return at + length;
}

size_t greeting(const uint8_t *name, size_t length, char *text) {
  size_t at = append(text, 0, "Hello, ", 7);
  at = append(text, at, name, length);
  return append(text, at, "!", 1);
}

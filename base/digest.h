// SHA-256 and random identifiers, by OpenSSL.
#ifndef METASTEP_BASE_DIGEST_H_
#define METASTEP_BASE_DIGEST_H_

#include <string>

#include "absl/strings/string_view.h"

namespace metastep {

// SHA-256 of `bytes`, 64 lower-case hexadecimal digits.
std::string Sha256Hex(absl::string_view bytes);

// 128 bits from the system's generator, 32 lower-case hexadecimal digits: for
// names that nobody must guess, never for numbers that a result depends on.
std::string RandomId();

}  // namespace metastep

#endif  // METASTEP_BASE_DIGEST_H_

// Which build this is, for people and for peers that need the same one.
#ifndef METASTEP_BASE_BUILD_VERSION_H_
#define METASTEP_BASE_BUILD_VERSION_H_

namespace metastep {

// "0.1.0 (commit abc1234, release)": the project's version, the commit and the
// CMake preset. "-dirty" follows a commit whose files were changed; it is
// "unknown" where neither git nor METASTEP_COMMIT said it. Every commit changes
// it, and links again what uses it: the programs hand it on.
extern const char kBuildVersion[];

}  // namespace metastep

#endif  // METASTEP_BASE_BUILD_VERSION_H_

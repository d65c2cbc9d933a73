// What the page asks for: the lists of the services, as JSON.
#ifndef METASTEP_SERVER_WEB_API_H_
#define METASTEP_SERVER_WEB_API_H_

#include <map>
#include <string>

#include "server/coordinator.h"
#include "server/http_host.h"
#include "server/model_registry.h"
#include "server/session_store.h"

namespace metastep {

// runs; rounds?run_id=&page_token= (the token is the first phi version that is
// wanted); workers; models; sessions. The parts must outlive the result.
std::map<std::string, HttpApi> WebApis(Coordinator& coordinator,
                                       const ModelRegistry& models,
                                       const SessionStore& sessions);

}  // namespace metastep

#endif  // METASTEP_SERVER_WEB_API_H_

// Registers single counters and gauges with Prometheus.
#ifndef METASTEP_SERVER_METRIC_BUILDERS_H_
#define METASTEP_SERVER_METRIC_BUILDERS_H_

#include <prometheus/counter.h>
#include <prometheus/gauge.h>
#include <prometheus/registry.h>

#include <string>

namespace metastep {

// `registry` owns the result. Label values come from closed sets only.
inline prometheus::Counter& AddCounter(prometheus::Registry& registry,
                                       const std::string& name,
                                       const std::string& help,
                                       const prometheus::Labels& labels = {}) {
  return prometheus::BuildCounter()
      .Name(name)
      .Help(help)
      .Register(registry)
      .Add(labels);
}

inline prometheus::Gauge& AddGauge(prometheus::Registry& registry,
                                   const std::string& name,
                                   const std::string& help) {
  return prometheus::BuildGauge().Name(name).Help(help).Register(registry).Add(
      {});
}

}  // namespace metastep

#endif  // METASTEP_SERVER_METRIC_BUILDERS_H_

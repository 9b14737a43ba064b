#ifndef LINNET_AGENT_DEVICE_ANOMALY_ROWS_H_
#define LINNET_AGENT_DEVICE_ANOMALY_ROWS_H_

#include "agent/sensors/anomaly.h"
#include "storage/repo/anomalies.h"

namespace linnet::device {

// Between what the detectors find and what is kept. `sequence` is of the running process only and not kept;
// `id` is the row's and not known to the detectors.
repo::AnomalyRow RowOf(const sensors::Anomaly& anomaly);
sensors::Anomaly AnomalyOf(const repo::AnomalyRow& row);

}  // namespace linnet::device

#endif  // LINNET_AGENT_DEVICE_ANOMALY_ROWS_H_

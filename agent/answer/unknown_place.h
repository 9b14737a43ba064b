#ifndef LINNET_AGENT_ANSWER_UNKNOWN_PLACE_H_
#define LINNET_AGENT_ANSWER_UNKNOWN_PLACE_H_

#include <string>
#include <string_view>
#include <vector>

#include "agent/answer/intent.h"

namespace linnet::answer {

// Refuses an intent whose utterance names a room or thing that does not exist here: its only call becomes
// `none`, `refusal` and `text` name what is unknown and which rooms exist. An action in the panel's own room
// that was not said needs every word to be a known one; with a linked place, and for questions, what counts
// are unknown words where a place or thing can stand.
void RefuseUnknownPlaces(std::string_view utterance, const Linked& linked,
                         const std::vector<Entity>& entities, const IntentOptions& options, Intent& intent);

// The words of a linked utterance that stand where a place stands ("in the dungeon") and are none; empty when
// there are none.
std::string UnknownPlace(const Linked& linked, std::string_view here, Language language);

}  // namespace linnet::answer

#endif  // LINNET_AGENT_ANSWER_UNKNOWN_PLACE_H_

// Templates for files that bring none, by the control tokens of their vocabularies.
#include <algorithm>
#include <iterator>

#include "runtime/engine/chat.h"

namespace linnet::engine {
namespace {

struct Kind {
  std::string_view name;
  const char* tokens[3];  // all of them; none: by name only
  std::string_view text;
};

// The first whose tokens a vocabulary has is taken: the more particular come first.
constexpr Kind kKinds[] = {
    {"granite",
     {"<|start_of_role|>", "<|end_of_role|>"},
     "{% for m in messages %}{{ '<|start_of_role|>' + m.role + '<|end_of_role|>' + m.content + "
     "'<|end_of_text|>\\n' }}{% endfor %}"
     "{% if add_generation_prompt %}{{ '<|start_of_role|>assistant<|end_of_role|>' }}{% endif %}"},
    {"llama3",
     {"<|start_header_id|>", "<|end_header_id|>", "<|eot_id|>"},
     "{{ bos_token }}{% for m in messages %}{{ '<|start_header_id|>' + m.role + '<|end_header_id|>\\n\\n' + "
     "m.content|trim + "
     "'<|eot_id|>' }}{% endfor %}"
     "{% if add_generation_prompt %}{{ '<|start_header_id|>assistant<|end_header_id|>\\n\\n' }}{% endif %}"},
    {"gemma",
     {"<start_of_turn>", "<end_of_turn>"},
     "{{ bos_token }}{% set ns = namespace(system='') %}{% for m in messages %}"
     "{% if m.role == 'system' %}{% set ns.system = ns.system + m.content|trim + '\\n\\n' %}{% else %}"
     "{{ '<start_of_turn>' + ('model' if m.role == 'assistant' else m.role) + '\\n' }}"
     "{% if m.role == 'user' %}{{ ns.system }}{% set ns.system = '' %}{% endif %}"
     "{{ m.content|trim + '<end_of_turn>\\n' }}{% endif %}{% endfor %}"
     "{% if add_generation_prompt %}{{ '<start_of_turn>model\\n' }}{% endif %}"},
    {"phi4",
     {"<|im_start|>", "<|im_sep|>", "<|im_end|>"},
     "{% for m in messages %}{{ '<|im_start|>' + m.role + '<|im_sep|>' + m.content + '<|im_end|>' }}{% "
     "endfor %}"
     "{% if add_generation_prompt %}{{ '<|im_start|>assistant<|im_sep|>' }}{% endif %}"},
    {"chatml",
     {"<|im_start|>", "<|im_end|>"},
     "{% for m in messages %}{{ '<|im_start|>' + m.role + '\\n' + m.content + '<|im_end|>\\n' }}{% endfor %}"
     "{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}"},
    {"phi3",
     {"<|user|>", "<|assistant|>", "<|end|>"},
     "{% for m in messages %}{{ '<|' + m.role + '|>\\n' + m.content + '<|end|>\\n' }}{% endfor %}"
     "{% if add_generation_prompt %}{{ '<|assistant|>\\n' }}{% endif %}"},
    {"zephyr",
     {"<|system|>", "<|user|>", "<|assistant|>"},
     "{% for m in messages %}{{ '<|' + m.role + '|>\\n' + m.content + eos_token + '\\n' }}{% endfor %}"
     "{% if add_generation_prompt %}{{ '<|assistant|>\\n' }}{% endif %}"},
    {"mistral",
     {"[INST]", "[/INST]"},
     "{{ bos_token }}{% set ns = namespace(system='') %}{% for m in messages %}"
     "{% if m.role == 'system' %}{% set ns.system = ns.system + m.content + '\\n\\n' %}"
     "{% elif m.role == 'assistant' %}{{ m.content + eos_token }}"
     "{% else %}{{ '[INST]' + ns.system + m.content + '[/INST]' }}{% set ns.system = '' %}{% endif %}{% "
     "endfor %}"},
    {"llama2",
     {},
     "{% set ns = namespace(system='') %}{% for m in messages %}"
     "{% if m.role == 'system' %}{% set ns.system = '<<SYS>>\\n' + m.content + '\\n<</SYS>>\\n\\n' %}"
     "{% elif m.role == 'assistant' %}{{ ' ' + m.content|trim + ' ' + eos_token }}"
     "{% else %}{{ bos_token + '[INST] ' + ns.system + m.content|trim + ' [/INST]' }}{% set ns.system = '' "
     "%}{% endif %}"
     "{% endfor %}"},
};

}  // namespace

std::string_view NamedTemplate(std::string_view name) {
  for (const Kind& kind : kKinds) {
    if (kind.name == name) return kind.text;
  }
  return {};
}

std::string_view KindOf(const tokenizer::Tokenizer& tokenizer) {
  for (const Kind& kind : kKinds) {
    const bool all = std::all_of(std::begin(kind.tokens), std::end(kind.tokens), [&](const char* token) {
      return token == nullptr || tokenizer.FindControl(token).has_value();
    });
    if (all && kind.tokens[0] != nullptr) return kind.name;
  }
  return {};
}

}  // namespace linnet::engine
